import CLinux

/// A line that a process leaves when a signal ends it for a fault of its own.
package enum CrashNote {
  /// Has that line written to a file from now on; -1 for none.
  ///
  /// Only what the system does about such a signal is changed, never a handler that a program has
  /// set itself.
  package static func write(to descriptor: Int32) { vip_note_crashes(descriptor) }
}
