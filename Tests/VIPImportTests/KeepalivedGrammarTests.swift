import TestSupport
import Testing
import VIP
import VIPCore
import VRRP

@testable import VIPConfiguration
@testable import VIPImport

/// The grammar of keepalived's files, those that include others, and files of other programs.
@Suite struct KeepalivedGrammarTests: ImportSuite {
  @Test func `comments, quotes, continued lines and braces anywhere`() throws {
    let router = try router(
      """
      vrrp_instance 'my'"-web"
      {
        interface \\
          eth0 ! the first
        virtual_router_id 5#1
        priority "1"'5'0
        virtual_ipaddress{
          192.0.2.10/24 # not 192.0.2.11
        }}
      """)
    #expect(router.name == "my-web" && router.vrid.rawValue == 5)
    #expect(router.priority.rawValue == 150 && router.addresses.count == 1)
  }

  @Test func `definitions`() throws {
    let router = try router(
      """
      $IF=eth7
      $IF_2=eth8
      vrrp_instance a {
        interface ${IF_2}
        virtual_router_id 1
        virtual_ipaddress { 192.0.2.1 dev $IF_2 }
      }
      """)
    #expect(router.interface == "eth8" && router.addresses.count == 1)
  }

  @Test func `files that include others`() throws {
    let folder = try TemporaryDirectory()
    try check(["mkdir", "-p", folder["conf.d/deep"]])
    try folder.write(
      "global_defs { vrrp_version 3 }\ninclude conf.d/*.conf\ninclude none/*.conf\n", to: "k.conf")
    for (name, number) in [("b", 2), ("a", 1)] {
      try folder.write(
        """
        vrrp_instance \(name) {
          interface eth0
          virtual_router_id \(number)
          include deep/addresses-\(name)
        }
        """, to: "conf.d/\(name).conf")
      try folder.write(
        "virtual_ipaddress {\n192.0.2.\(number)\n}\nsmtp_alert\n",
        to: "conf.d/deep/addresses-\(name)")
    }
    let result = try KeepalivedImport(folder["k.conf"])
    #expect(result.routers.map(\.configuration.name) == ["a", "b"])
    #expect(result.routers.map(\.configuration.version) == [.v3, .v3])
    #expect(result.yaml.contains("# addresses-b:2: 192.0.2.2\n"))
    #expect(
      result.remarks.map(\.line) == [
        "\(folder.path)/k.conf:3: no file matches 'none/*.conf'; whatever it should say is missing",
        "\(folder.path)/conf.d/deep/addresses-a:4: 'smtp_alert' has no equivalent; no mail is sent; "
          + "watch the log or the status of the node",
      ])
  }

  @Test func `a file that includes itself`() throws {
    let folder = try TemporaryDirectory()
    try folder.write("include k.conf\n", to: "k.conf")
    let failure = #expect(throws: FileError.self) { try KeepalivedImport(folder["k.conf"]) }
    #expect(
      failure?.description
        == "\(folder.path)/k.conf:1: files include one another more than 16 deep")
  }

  /// What is no configuration of keepalived, and what is said about it, without the file's name.
  static let strangers: [(String, String)] = [
    ("", ": this is no keepalived configuration; it is empty"),
    ("# nothing\n", ": this is no keepalived configuration; it is empty"),
    ("routers:\n- name: web\n", ": this is no keepalived configuration; it begins with 'routers:'"),
    (
      "server {\n listen 80;\n}\n",
      ": this is no keepalived configuration; it begins with 'server'"
    ),
    ("global_defs {\n}\n", ": there is no vrrp_instance in it; nothing to import"),
    ("vrrp_instance a {\n", ":1: the block 'vrrp_instance' has no end"),
    ("vrrp_instance a {\n}\n}\n", ":3: '}' closes nothing"),
    ("{\n}\n", ":1: '{' follows no keyword"),
    ("{\"routers\": []}\n", ": this is no keepalived configuration; it begins with '{routers:'"),
    (
      String(repeating: "a {\n", count: 20),
      ":17: blocks stand more than 16 deep"
    ),
  ]

  @Test(arguments: strangers)
  func `files of others`(text: String, message: String) throws {
    let folder = try TemporaryDirectory()
    try folder.write(text, to: "k.conf")
    let failure = #expect(throws: FileError.self) { try KeepalivedImport(folder["k.conf"]) }
    #expect(failure?.kind == .invalid)
    #expect(failure?.description == folder["k.conf"] + message)
  }
}
