// SPDX-License-Identifier: Apache-2.0

// Flannel is a CNI plugin: it gives a pod an address of the network that
// flannel runs, by having the plugin "bridge" do it.
//
// It stands in for flannel's own plugin, whose module the Go proxy does not
// have everywhere.  flannel writes the node's network to /run/flannel/subnet.env.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const subnetFile = "/run/flannel/subnet.env"

type object = map[string]any

func main() {
	if os.Getenv("CNI_COMMAND") == "VERSION" {
		fmt.Println(`{"cniVersion": "1.0.0", "supportedVersions":` +
			` ["0.3.0", "0.3.1", "0.4.0", "1.0.0"]}`)
		return
	}
	err := delegate()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		os.Exit(failed.ExitCode()) // The plugin has said why.
	}
	if err != nil {
		answer, _ := json.Marshal(object{
			"cniVersion": "1.0.0", "code": 100, "msg": err.Error()})
		fmt.Println(string(answer))
		os.Exit(1)
	}
}

func delegate() error {
	given, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	configuration := object{}
	if err := json.Unmarshal(given, &configuration); err != nil {
		return fmt.Errorf("the configuration is no JSON: %w", err)
	}
	text, err := os.ReadFile(subnetFile)
	// What was never added is gone, and so is what is left after flannel.
	if os.IsNotExist(err) && os.Getenv("CNI_COMMAND") == "DEL" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("flannel has not told the node's network: %w", err)
	}
	bridge, err := forBridge(configuration, variables(string(text)))
	if err != nil {
		return err
	}
	return run(bridge)
}

func variables(text string) map[string]string {
	found := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		found[name] = value
	}
	return found
}

func forBridge(given object, flannel map[string]string) (object, error) {
	subnet, err := netip.ParsePrefix(flannel["FLANNEL_SUBNET"])
	if err != nil {
		return nil, fmt.Errorf("FLANNEL_SUBNET in %s: %w", subnetFile, err)
	}
	mtu, err := strconv.Atoi(flannel["FLANNEL_MTU"])
	if err != nil {
		return nil, fmt.Errorf("FLANNEL_MTU in %s: %w", subnetFile, err)
	}
	bridge := object{"type": "bridge", "mtu": mtu,
		"ipMasq": flannel["FLANNEL_IPMASQ"] != "true"}
	wanted, _ := given["delegate"].(map[string]any)
	for name, value := range wanted {
		bridge[name] = value
	}
	for _, name := range []string{
		"name", "cniVersion", "prevResult", "runtimeConfig"} {
		if value, is := given[name]; is {
			bridge[name] = value
		}
	}
	var routes []object
	for _, network := range strings.Split(flannel["FLANNEL_NETWORK"], ",") {
		if network != "" {
			routes = append(routes, object{"dst": network})
		}
	}
	// flannel gives the bridge's address; host-local wants the network's.
	bridge["ipam"] = object{"type": "host-local", "routes": routes,
		"ranges": []any{[]any{object{"subnet": subnet.Masked().String()}}}}
	return bridge, nil
}

func run(configuration object) error {
	kind, _ := configuration["type"].(string)
	for _, folder := range filepath.SplitList(os.Getenv("CNI_PATH")) {
		program := filepath.Join(folder, filepath.Base(kind))
		if _, err := os.Stat(program); err != nil {
			continue
		}
		input, err := json.Marshal(configuration)
		if err != nil {
			return err
		}
		command := exec.Command(program)
		command.Stdin = bytes.NewReader(input)
		command.Stdout, command.Stderr = os.Stdout, os.Stderr
		return command.Run()
	}
	return fmt.Errorf("there is no plugin %q in CNI_PATH", kind)
}
