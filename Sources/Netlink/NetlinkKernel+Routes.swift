import Glibc
public import VIPCore

extension NetlinkKernel {
  /// The route to an address; `nil` if there is none, or one by which packets are dropped or
  /// refused.
  ///
  /// Equivalent to: `ip route get fibmatch ADDRESS`
  public func route(to address: IPAddress) throws(NetlinkError) -> RouteRecord? {
    do throws(NetlinkError) {
      return try dump("look for a route to \(address)") { output, sequence in
        SubnetRouteMessage.encodeQuery(address, into: &output, sequence: sequence)
      } decode: { message, bytes in
        SubnetRouteMessage.record(message, in: bytes)
      }.first
    } catch {
      if error.isWithoutRoute { return nil }
      throw error
    }
  }

  /// Waits until the route to each address leads to this machine itself, or the limit is reached.
  ///
  /// The kernel makes these routes in a task of its own (addrconf_dad_work), a fraction of a
  /// millisecond after it has acknowledged the addresses; on a busy machine it may take longer.
  /// Where it never comes, as in another table of a VRF, one call a second waits to the limit.
  public func awaitUse(of addresses: [IPAddress], atMost limit: Duration) {
    let clock = ContinuousClock()
    let start = clock.now
    if let noWaitBefore, start < noWaitBefore { return }
    for address in addresses {
      while !isLocal(address) {
        guard clock.now < start + limit else {
          noWaitBefore = clock.now + .seconds(1)
          return
        }
        usleep(50)
      }
    }
  }

  private func isLocal(_ address: IPAddress) -> Bool {
    do throws(NetlinkError) {
      return try route(to: address)?.isLocal ?? false
    } catch {
      // What can't be asked is not waited for.
      return true
    }
  }

  /// Makes a route, or refreshes it.
  ///
  /// Equivalent to: `ip route replace SUBNET dev IF proto 112 metric 2147483647 expires SECONDS`
  public func install(_ request: RouteRequest) -> NetlinkError? {
    perform(request, isRemoval: false)
  }

  /// Removes a route; one that is not there is no error.
  ///
  /// Equivalent to: `ip route delete SUBNET dev IF proto 112 metric 2147483647`
  public func remove(_ request: RouteRequest) -> NetlinkError? {
    let error = perform(request, isRemoval: true)
    return error?.isNotThere == true || error?.isNoSuchRoute == true ? nil : error
  }

  private func perform(_ request: RouteRequest, isRemoval: Bool) -> NetlinkError? {
    discardStaleReplies()
    sequence &+= 1
    let number = sequence
    outgoing = [UInt8](capacity: SubnetRouteMessage.maximumByteCount) { output in
      SubnetRouteMessage.encode(request, isRemoval: isRemoval, into: &output, sequence: number)
    }
    var result: NetlinkError?
    collectReplies(first: number, count: 1) { _, reply in
      result = request.refused(reply.code, reply.message, reply.offset, isRemoval: isRemoval)
    }
    return result
  }
}
