import VIPKubernetes

/// A virtual router as an object of the cluster, beside VRRP's.
typealias RouterObject = VirtualRouter
