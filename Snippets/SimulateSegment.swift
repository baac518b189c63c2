// A simulated segment: three routers, one crash, one lossy partition; the same on every run.

import VRRPSimulation

func play() throws -> Transcript {
  try Transcript(
    playing: """
      seed 7
      segment loss 2% jitter 1ms
      router a priority 200
      router b priority 150
      router c priority 100
      tick 10s
      expect active a
      crash a
      tick 5s
      expect active b
      partition b | c
      tick 5s
      expect active b c
      heal
      tick 5s
      expect active b
      """)
}

// snippet.hide
let transcript = try play()
print(transcript, terminator: "")
print(transcript.failed ? "a promise was broken" : "every promise was kept")
