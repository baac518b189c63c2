import VIPConfiguration
import VIPCore
import VRRP
import VRRPSimulation

/// The settings of a simulated election and of looking on at a real one.
extension SettingText {
  static func routerCount(_ text: String) throws(SettingError) -> Int {
    guard let number = decimal(text), (1...ScenarioPlan.routerCountMax).contains(number) else {
      throw SettingError(
        "'\(text)' is not a number of routers; give 1 to \(ScenarioPlan.routerCountMax)")
    }
    return number
  }

  /// `200,150,100`: a priority for each router.
  static func priorities(_ text: String) throws(SettingError) -> [Priority] {
    var priorities: [Priority] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      priorities.append(try priority(String(word)))
    }
    guard priorities.count <= ScenarioPlan.routerCountMax else {
      throw SettingError(
        "\(priorities.count) priorities are given; there are at most "
          + "\(ScenarioPlan.routerCountMax) routers")
    }
    return priorities
  }

  static func probability(_ text: String) throws(SettingError) -> Probability {
    guard let probability = Probability(text) else {
      throw SettingError("'\(text)' is not a percentage; give 0% to 100%, such as 2% or 0.5%")
    }
    return probability
  }

  static func seed(_ text: String) throws(SettingError) -> UInt64 {
    guard decimal(text) != nil, let seed = UInt64(text) else {
      throw SettingError("'\(text)' is not a seed; give a number")
    }
    return seed
  }

  /// A moment or a span of simulated time, up to a day.
  static func simulatedTime(_ text: String) throws(SettingError) -> Duration {
    let most = Duration.seconds(86_400)
    if let duration = Duration(text: text), duration <= most { return duration }
    try refuseMissingUnit(text) { Duration(text: $0).map { $0 <= most } ?? false }
    throw SettingError("'\(text)' is not a time; give 0s to 24h, such as 30s or 250ms")
  }

  static func packetCount(_ text: String) throws(SettingError) -> Int {
    guard let number = decimal(text), number > 0 else {
      throw SettingError("'\(text)' is not a number of packets; give 1 or more")
    }
    return number
  }
}
