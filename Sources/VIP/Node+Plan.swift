extension Node {
  /// What has to be done for each router.
  struct Plan {
    var added: [RouterConfiguration] = []
    var changed: [RouterConfiguration] = []
    var replaced: [RouterConfiguration] = []
    var report = ChangeReport()
    var unready = UnreadyPolicy.refuse

    /// The routers that hand over, in order.
    var leaving: [String] { report.removed + replaced.map(\.name) }

    init(_ wanted: [RouterConfiguration], on engine: Engine) {
      for router in wanted {
        guard let present = engine.settings(named: router.name) else {
          added.append(router)
          report.added.append(router.name)
          continue
        }
        let change = ChangeReport.Change(
          router: router.name, difference: present.difference(to: router))
        switch present.change(to: router) {
        case .none: report.unchanged.append(router.name)
        case .inPlace:
          changed.append(router)
          report.changed.append(change)
        case .replacement:
          replaced.append(router)
          report.replaced.append(change)
        }
      }
    }
  }
}
