extension NodeProcess {
  /// Allows for what a process that has been told to stop still does, in place of the time that it
  /// has otherwise: for programs that end a node of their own below
  /// ``runToEnd(hintForReports:_:)``.
  ///
  /// - Parameter time: how long it may take from now on; some seconds are added.
  public static func allowEnd(within time: Duration) { StopLimit.shared.allow(time) }
}
