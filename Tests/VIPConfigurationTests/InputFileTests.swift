import Glibc
import TestSupport
import Testing

@testable import VIPConfiguration

/// Files that are none.
@Suite struct InputFileTests {
  @Test(.timeLimit(.minutes(10)))
  func `a FIFO without a writer is given up; one with a writer is read to its end`() async throws {
    let folder = try TemporaryDirectory()
    let path = folder["fifo"]
    #expect(mkfifo(path, 0o600) == 0)
    let error = await #expect(throws: FileError.self) {
      try await onThread { try InputFile.text(path, limit: 100, kind: "a file") }
    }
    #expect(error?.description.contains("nothing can be read from it for 10s") == true)
    async let text = onThread { try InputFile.text(path, limit: 100, kind: "a file") }
    try await onThread {
      // It opens when the reader has.
      let writer = open(path, O_WRONLY | O_CLOEXEC)
      #expect(write(writer, "one\n", 4) == 4 && write(writer, "two\n", 4) == 4)
      close(writer)
    }
    #expect(try await text == "one\ntwo\n")
  }
}
