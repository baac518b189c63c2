/// What went wrong in the laboratory, in one text for the test report.
package struct LabError: Error, CustomStringConvertible {
  /// The text that the test report shows.
  package let description: String

  /// Makes an error that says what went wrong.
  package init(_ description: String) {
    self.description = description
  }
}
