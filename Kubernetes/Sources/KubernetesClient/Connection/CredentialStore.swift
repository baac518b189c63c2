import FoundationEssentials
import NIOSSL
import Synchronization

/// What goes along with a request.
struct Credentials: Sendable {
  /// The value of the header `Authorization`.
  var authorization: String?
  /// How the connection is encrypted; `nil` without encryption.
  var encryption: TLSConfiguration?
}

/// Keeps token and certificates, and reads their files again when they may have been replaced.
final class CredentialStore: Sendable {
  private let configuration: ClientConfiguration
  private let state = Mutex(State())

  private struct State {
    var token: String?
    var files = EncryptionFiles()
    var encryption: TLSConfiguration?
    var lastRead: Duration?
  }

  /// The bytes of which an encryption has been made.
  private struct EncryptionFiles: Equatable {
    var authorities: [UInt8]?
    var chain: [UInt8]?
    var key: [UInt8]?
  }

  init(_ configuration: ClientConfiguration) { self.configuration = configuration }

  /// What is valid now.
  ///
  /// A file that can't be read any more leaves what was read from it before.
  func current(at now: Duration) throws(APIError) -> Credentials {
    let result: Result<Credentials, APIError> = state.withLock { state in
      do throws(APIError) {
        if state.lastRead.map({ now - $0 >= configuration.credentialsLifetime }) ?? true {
          try read(into: &state, at: now)
        }
        return .success(
          Credentials(
            authorization: state.token.map { "Bearer \($0)" }, encryption: state.encryption))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Reads the files once more, since the server does not accept a token, and says whether there is
  /// another one.
  func renew(at now: Duration) -> Bool {
    state.withLock { state in
      let before = state.token
      do throws(APIError) {
        try read(into: &state, at: now)
      } catch {
        return false
      }
      return state.token != before
    }
  }

  private func read(into state: inout State, at now: Duration) throws(APIError) {
    let isFirst = state.lastRead == nil
    do throws(APIError) {
      let token = try readToken()
      let files = try readEncryptionFiles()
      if isFirst || files != state.files {
        state.encryption = try makeEncryption(files)
        state.files = files
      }
      state.token = token
    } catch {
      // The old ones may still do; with the first there is nothing to fall back to.
      if isFirst { throw error }
    }
    state.lastRead = now
  }

  private func readToken() throws(APIError) -> String? {
    switch configuration.token {
    case .none: return nil
    case .fixed(let token): return token
    case .file(let path):
      let bytes = try Self.read(.file(path))
      let token = String(decoding: bytes, as: UTF8.self)
        .trimmingCharacters { $0 == "\n" || $0 == "\r" || $0 == " " }
      guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
        throw .credentials("there is no token in \(path)")
      }
      return token
    }
  }

  private func readEncryptionFiles() throws(APIError) -> EncryptionFiles {
    var files = EncryptionFiles()
    guard configuration.server.hasPrefix("https:") else { return files }
    if let source = configuration.authorities { files.authorities = try Self.read(source) }
    if let certificate = configuration.clientCertificate {
      files.chain = try Self.read(certificate.chain)
      files.key = try Self.read(certificate.key)
    }
    return files
  }

  private func makeEncryption(_ files: EncryptionFiles) throws(APIError) -> TLSConfiguration? {
    guard configuration.server.hasPrefix("https:") else { return nil }
    var encryption = TLSConfiguration.makeClientConfiguration()
    encryption.minimumTLSVersion = .tlsv12
    do throws(any Error) {
      if let authorities = files.authorities {
        encryption.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authorities))
      }
      if let chain = files.chain, let key = files.key {
        encryption.certificateChain = try NIOSSLCertificate.fromPEMBytes(chain)
          .map { .certificate($0) }
        encryption.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
      }
    } catch {
      throw .credentials("a certificate or a key is no PEM: \(error)")
    }
    return encryption
  }

  /// The largest file that is taken for a token or certificates.
  private static let fileByteCountMax = 1 << 20

  private static func read(_ source: FileSource) throws(APIError) -> [UInt8] {
    switch source {
    case .bytes(let bytes): return bytes
    case .file(let path):
      guard let data = FileManager.default.contents(atPath: path) else {
        throw .credentials("\(path) can't be read")
      }
      guard data.count <= fileByteCountMax else {
        throw .credentials("\(path) has more than \(fileByteCountMax) bytes")
      }
      return [UInt8](data)
    }
  }
}

extension String {
  /// The text without the characters at its beginning and end for which something holds.
  fileprivate func trimmingCharacters(where isTrimmed: (Character) -> Bool) -> String {
    guard let first = firstIndex(where: { !isTrimmed($0) }),
      let last = lastIndex(where: { !isTrimmed($0) })
    else { return "" }
    return String(self[first...last])
  }
}
