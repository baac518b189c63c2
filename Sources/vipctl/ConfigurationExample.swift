/// A configuration file to begin with.
enum ConfigurationExample {
  /// The text of the file: one router, and what else it can have as comments.
  static let yaml = """
    # Routers of this machine. The other machines of a group have the same file, with the same VRID,
    # interval and addresses; the one with the highest priority holds the addresses while it lives.
    # Check it with 'vipctl check FILE', run it with 'vipctl run --config FILE'.
    routers:
      - name: web
        interface: eth0
        vrid: 51                      # 1 to 255; the same on all machines of the group
        priority: 150                 # 1 to 254; 100 if left out
        addresses:
          - 192.0.2.10/24
          - 2001:db8::10/64
        # interval: 1s                # how often the holder is heard; the same on all machines
        # preempt: { delay: 30s }     # or false: leave a holder of lower priority in peace
        # virtualMac: true            # one Ethernet address that moves with the addresses
        # track: [eth1]               # other interfaces that it depends on
        # on: { active: [/usr/local/bin/became-active] }

    # node:
    #   lease: 5s                     # how long addresses outlive a node that is frozen

    """
}
