#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# DevStack's magnum plugin: what happens in which phase.  The functions are in
# devstack/lib/magnum.

source "$MAGNUM_DIR/devstack/lib/magnum"

if is_magnum_enabled; then
    if [[ "$1" == "stack" && "$2" == "install" ]]; then
        echo_summary "Installing magnum"
        install_magnum
        install_magnumclient
        cleanup_magnum
    elif [[ "$1" == "stack" && "$2" == "post-config" ]]; then
        echo_summary "Configuring magnum"
        configure_magnum
        create_magnum_accounts
    elif [[ "$1" == "stack" && "$2" == "extra" ]]; then
        echo_summary "Starting magnum"
        init_magnum
        magnum_register_image
        magnum_configure_flavor
        start_magnum
        if [[ "$MAGNUM_CONFIGURE_IPTABLES" == "True" ]]; then
            configure_iptables_magnum
        fi
    fi
    if [[ "$1" == "unstack" ]]; then
        stop_magnum
    fi
    if [[ "$1" == "clean" ]]; then
        cleanup_magnum
    fi
fi
