// SPDX-License-Identifier: Apache-2.0

// web answers every request with the name of its host, or asks another one.
//
//	web serve :8080
//	web get http://web/
//
// The busybox of Debian cannot: without libraries it looks up no names.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: web serve ADDRESS | web get URL")
		os.Exit(2)
	}
	var err error
	if os.Args[1] == "serve" {
		err = serve(os.Args[2])
	} else {
		err = get(os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve ends on SIGTERM, which process 1 of a container would not heed by
// itself, after the requests that are under way: a while after, because
// Services learn later that a pod is on its way out.
func serve(address string) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	leaving := make(chan os.Signal, 1)
	signal.Notify(leaving, syscall.SIGTERM)
	go func() {
		<-leaving
		time.Sleep(5 * time.Second)
		os.Exit(0)
	}()
	server := &http.Server{
		Addr:              address,
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintln(w, name)
			}),
	}
	return server.ListenAndServe()
}

func get(url string) error {
	client := &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true},
	}
	reply, err := client.Get(url)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	_, err = io.Copy(os.Stdout, io.LimitReader(reply.Body, 1<<20))
	return err
}
