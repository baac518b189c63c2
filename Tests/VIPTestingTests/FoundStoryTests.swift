import Testing
import VIPTesting

/// What random stories have found, as short as can be.
@Suite struct FoundStoryTests {
  /// Plays a story until everything has come to rest.
  private func check(_ text: String) throws {
    let run = StoryRun(try Story(parsing: text + "\nrest 300s\n"))
    #expect(run.brokenPromises.isEmpty && !run.hasFailed, "\(run.failures)")
  }

  @Test("What a command puts up long after the last turn is known to the guard")
  func commandAfterRest() throws {
    try check("node a\ntick 9s\nup a web 192.0.2.10/24 priority 255\ntick 1s\n")
  }

  @Test("An owner's address that goes with the host's is handed over with the guard's knowledge")
  func ownerWithoutSource() throws {
    try check(
      """
      node a
      host a adds 192.0.2.10/24
      up a web 192.0.2.10/24 priority 255
      host a removes 192.0.2.1/24
      tick 5s
      expect holder 192.0.2.10 none
      """)
  }

  @Test("An owner serves what its host has lost")
  func ownerWithoutAddress() throws {
    try check(
      """
      node a
      host a adds 192.0.2.10/24
      up a web 192.0.2.10/24 priority 255
      host a removes 192.0.2.10/24
      rest 300s
      expect served 192.0.2.10 a
      """)
  }

  @Test("A refused removal is over when the lease ends")
  func refusedRemoval() throws {
    try check(
      """
      node a
      node b
      up a web 192.0.2.10/24
      up b web 192.0.2.10/24 priority 200
      tick 10s
      refuse b remove 3200ms
      resign b web
      rest 300s
      expect served 192.0.2.10 a
      """)
  }

  @Test("What a macvlan was refused is no problem later")
  func refusedMacvlan() throws {
    try check(
      """
      node a
      node b
      node c
      up a web 192.0.2.10/24 192.0.2.11/24 mac virtual priority 200
      up b web 192.0.2.10/24 192.0.2.11/24 mac virtual priority 150
      tick 10s
      refuse b remove 500ms
      refuse b link 900ms
      remove b web 192.0.2.11
      tick 20ms
      kill a
      tick 3500ms
      rest 300s
      start a
      rest 300s
      """)
  }

  @Test("A macvlan gets the settings later that it could not have when events were lost")
  func refusedSettings() throws {
    try check(
      """
      node a
      up a web 2001:db8::10/64 mac virtual
      tick 10s
      refuse a link 2s
      lose a
      rest 300s
      """)
  }

  @Test("An interface that is plugged in elsewhere serves there, and the group goes on without it")
  func moved() throws {
    try check(
      """
      node a
      node b
      up a web 192.0.2.10/24 handover strict priority 200
      up b web 192.0.2.10/24 priority 250
      tick 10s
      link b eth0 strays
      rest 300s
      link b eth0 joins
      rest 300s
      expect holder 192.0.2.10 b
      """)
  }

  @Test(
    "Two routers that get another place are served all the time, whichever takes over first",
    arguments: ["mac virtual", "interface eth1"])
  func severalPlaces(_ setting: String) throws {
    try check(
      """
      node a
      node b
      link a eth1 joins
      link b eth1 joins
      up a web 192.0.2.10/24 priority 150 probe off
      up a db 192.0.2.11/24 vrid 52 probe off
      up b web 192.0.2.10/24 probe off
      up b db 192.0.2.11/24 vrid 52 priority 150 probe off
      tick 10s
      set b web \(setting)
      set b db \(setting)
      tick 700ms
      set a web \(setting)
      set a db \(setting)
      tick 10s
      expect holder 192.0.2.10 a
      expect holder 192.0.2.11 b
      expect outage 192.0.2.10 1ms
      expect outage 192.0.2.11 1ms
      """)
  }

  @Test(
    "After VRIDs were swapped the Active of the other router is no successor",
    arguments: (40...50).map { $0 * 100 })
  func swappedGroups(_ milliseconds: Int) throws {
    try check(
      """
      node a
      node b
      up a web 192.0.2.10/24 vrid 51 priority 150
      up a db 192.0.2.11/24 vrid 52 priority 100
      up b web 192.0.2.10/24 vrid 51 priority 100
      up b db 192.0.2.11/24 vrid 52 priority 150
      tick 20s
      edit b
      set b web vrid 52
      set b db vrid 51
      reload b
      tick 700ms
      edit a
      set a web vrid 52
      set a db vrid 51
      reload a
      tick \(milliseconds)ms
      stop a
      tick 3s
      expect holder 192.0.2.10 b
      expect outage 192.0.2.10 1ms
      """)
  }
}
