import CLinux
import Glibc

/// The memory that describes a batch of messages to the kernel, allocated once.
final class MessageSlab {
  let headers: UnsafeMutableBufferPointer<vip_mmsghdr>
  let vectors: UnsafeMutableBufferPointer<iovec>
  let bytes: UnsafeMutableRawBufferPointer
  let names: UnsafeMutableBufferPointer<sockaddr_in6>
  let control: UnsafeMutableRawBufferPointer
  /// Outgoing only: the length of the destination and of the control message.
  var nameLength: socklen_t = 0
  var controlLength = 0

  init(count: Int, byteCount: Int) {
    headers = .allocate(capacity: count)
    headers.initialize(repeating: vip_mmsghdr())
    vectors = .allocate(capacity: count)
    vectors.initialize(repeating: iovec())
    names = .allocate(capacity: count)
    names.initialize(repeating: sockaddr_in6())
    bytes = .allocate(byteCount: byteCount, alignment: 16)
    control = .allocate(byteCount: count * vip_control_capacity, alignment: 16)
    control.initializeMemory(as: UInt8.self, repeating: 0)
    for index in 0..<count {
      headers[index].header.msg_iov = vectors.baseAddress?.advanced(by: index)
      headers[index].header.msg_iovlen = 1
    }
  }

  deinit {
    headers.deallocate()
    vectors.deallocate()
    names.deallocate()
    bytes.deallocate()
    control.deallocate()
  }

  func nameOfMessage(_ index: Int) -> UnsafeMutableRawPointer? {
    UnsafeMutableRawPointer(names.baseAddress?.advanced(by: index))
  }

  func setName<Address>(_ address: Address, ofMessage index: Int) {
    withUnsafeBytes(of: address) { bytes in
      guard let start = bytes.baseAddress else { return }
      nameOfMessage(index)?.copyMemory(from: start, byteCount: bytes.count)
      nameLength = socklen_t(bytes.count)
    }
  }

  func controlOfMessage(_ index: Int) -> UnsafeMutableRawPointer? {
    control.baseAddress?.advanced(by: index * vip_control_capacity)
  }
}
