import ArgumentParser

/// What `run` is told on a node, and `manifests` for all nodes.
struct CommonOptions: ParsableArguments {
  @Option(
    name: .customLong("class"),
    help: ArgumentHelp(
      "The class that Services name to get addresses. (default: vipctl.io/vip)",
      valueName: "class"))
  var loadBalancerClass: String?

  @Flag(
    name: .customLong("default"),
    help: "Give addresses to Services without a loadBalancerClass, too.")
  var isDefault = false

  @Option(
    name: .customLong("kube-proxy"),
    help: ArgumentHelp(
      "The address and port of kube-proxy's health on each node, or off. (default: "
        + "127.0.0.1:10256)",
      valueName: "address"))
  var kubeProxy: String?

  @Option(
    name: .customLong("metrics-port"),
    help: ArgumentHelp(
      "The port of metrics and probes on each node; 'run' takes 0 for none. (default: 7480)",
      valueName: "port"))
  var metricsPort: Int?

  @Option(
    name: .customLong("metrics-address"),
    help: ArgumentHelp("The address of that port. (default: all of a node)", valueName: "address"))
  var metricsAddress: String?

  @Flag(help: "Run before all ordinary work of a node, which takes CAP_SYS_NICE.")
  var realtime = false

  @Option(
    name: .customLong("log-format"),
    help: ArgumentHelp(
      "The log's form: logfmt, json or text. (default: logfmt)", valueName: "form"))
  var logFormat: LogForm?

  @Option(
    name: .customLong("log-level"),
    help: ArgumentHelp(
      "From which level on lines are logged: debug, info, notice, warning or error. (default: "
        + "info)",
      valueName: "level"))
  var logLevel: LogLevel?
}
