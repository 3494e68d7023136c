module magnum.openstack.org/nodes/standins

go 1.26.0
