import KubernetesClient
import NIOSSL

/// Certificates that are valid for 127.0.0.1, and for nothing but these tests.
enum Certificates {
  /// Signs the two below.
  static let authority = """
    -----BEGIN CERTIFICATE-----
    MIIBmjCCAT+gAwIBAgIUUEx4dgxscpTwimzdfaBwiHdn9LQwCgYIKoZIzj0EAwIw
    GTEXMBUGA1UEAwwOdGVzdCBhdXRob3JpdHkwIBcNMjYxMTMwMTk0OTExWhgPMjEy
    NjExMDYxOTQ5MTFaMBkxFzAVBgNVBAMMDnRlc3QgYXV0aG9yaXR5MFkwEwYHKoZI
    zj0CAQYIKoZIzj0DAQcDQgAEB2w03umDQFiPnu7Adz6wR+p2aybT1e7ktDCqy/eS
    RGQWUO0N2vD4ne0/ne5nyrecKXgx6j5sGXE0eGQ5BQ5536NjMGEwHQYDVR0OBBYE
    FDwqXbbaoV19/9u57J2J1YpPGBWSMB8GA1UdIwQYMBaAFDwqXbbaoV19/9u57J2J
    1YpPGBWSMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgIEMAoGCCqGSM49
    BAMCA0kAMEYCIQCH9VpcPgHyc8K8Uv/PIboTierzz/IBCmxmrNW8Ubxa1AIhAPH8
    1D53vsKa005CHCJFurMxC3o/DpePmlr1GZn/4glP
    -----END CERTIFICATE-----
    """

  /// Signs nothing.
  static let other = """
    -----BEGIN CERTIFICATE-----
    MIIBjjCCATWgAwIBAgIUF5vjjF2hIVAsHQzxToiD0S4Seu8wCgYIKoZIzj0EAwIw
    HDEaMBgGA1UEAwwRYW5vdGhlciBhdXRob3JpdHkwIBcNMjYxMTMwMTk0OTEyWhgP
    MjEyNjExMDYxOTQ5MTJaMBwxGjAYBgNVBAMMEWFub3RoZXIgYXV0aG9yaXR5MFkw
    EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAENf1kEoVSSkj+xWkV4+C8sPSB5B0hx9DD
    c14roqtjpilEK66NhueF+F4TqinpUZ3oLU4mPSfyWVL9Jgdvnlz/gqNTMFEwHQYD
    VR0OBBYEFI1cIIvy8qZxgjqNVGD5+1SH5PnWMB8GA1UdIwQYMBaAFI1cIIvy8qZx
    gjqNVGD5+1SH5PnWMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIg
    WDp8sP4OXIWzRm+ETUZddrRwgEyeFxBf4MVairJY4MgCIAqGjjWQJdnFTXNlrSXU
    xdK8UZEsvvVNXJ6nkob1KuyF
    -----END CERTIFICATE-----
    """

  static let server = """
    -----BEGIN CERTIFICATE-----
    MIIBqTCCAU+gAwIBAgIUeOLXV1d/Ku/ENvPLOvHIyKNFzyEwCgYIKoZIzj0EAwIw
    GTEXMBUGA1UEAwwOdGVzdCBhdXRob3JpdHkwIBcNMjYxMTMwMTk0OTEyWhgPMjEy
    NjExMDYxOTQ5MTJaMBYxFDASBgNVBAMMC3Rlc3Qgc2VydmVyMFkwEwYHKoZIzj0C
    AQYIKoZIzj0DAQcDQgAE9SyZLI8S5ydJxvMGApbjZITtl/tA1YwzArB0nHtV//7E
    OEs+Tlm3FHHJh4ftg+ItauCUkhfJG8h3vBkYxiE9jqN2MHQwDwYDVR0RBAgwBocE
    fwAAATATBgNVHSUEDDAKBggrBgEFBQcDATAMBgNVHRMBAf8EAjAAMB0GA1UdDgQW
    BBSIvX6EVg1UvJOXoH5AGr5a5cn7eTAfBgNVHSMEGDAWgBQ8Kl222qFdff/bueyd
    idWKTxgVkjAKBggqhkjOPQQDAgNIADBFAiEAjTrbcRfULjAnCGpm3fmq07VCt+iJ
    xrVM9bHILKiPP64CIDOwikMc8Els0F+6ETTV2Z+8jVkFkDJ5qDloGA1O51Q7
    -----END CERTIFICATE-----
    """

  static let serverKey = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg7jYbYdzmPksePiBg
    FFm33i5NfAc3VEpBSplIFQftZpKhRANCAAT1LJksjxLnJ0nG8wYCluNkhO2X+0DV
    jDMCsHSce1X//sQ4Sz5OWbcUccmHh+2D4i1q4JSSF8kbyHe8GRjGIT2O
    -----END PRIVATE KEY-----
    """

  static let client = """
    -----BEGIN CERTIFICATE-----
    MIIBmDCCAT6gAwIBAgIUeOLXV1d/Ku/ENvPLOvHIyKNFzyIwCgYIKoZIzj0EAwIw
    GTEXMBUGA1UEAwwOdGVzdCBhdXRob3JpdHkwIBcNMjYxMTMwMTk0OTEyWhgPMjEy
    NjExMDYxOTQ5MTJaMBYxFDASBgNVBAMMC3Rlc3QgY2xpZW50MFkwEwYHKoZIzj0C
    AQYIKoZIzj0DAQcDQgAEotDEhcDhQvHohTZiNfLcNxdByT2T4nzbqJZdSS1V9gD5
    lHhhe/ZIzFmTjAv2Nd9zpXAxocKz7iXKGR1XespJKaNlMGMwEwYDVR0lBAwwCgYI
    KwYBBQUHAwIwDAYDVR0TAQH/BAIwADAdBgNVHQ4EFgQU8yvyDFWVH0RF2PmD8Yzd
    fTGmoGcwHwYDVR0jBBgwFoAUPCpdttqhXX3/27nsnYnVik8YFZIwCgYIKoZIzj0E
    AwIDSAAwRQIhAKWEzkzZYQ8ELVvnVenmF8rFx3vFaWEl8Z3jW2FGGNROAiBqQjC6
    GB9rdikhhWDrbll0VMiYRVcyolE+UtKXQKdpSg==
    -----END CERTIFICATE-----
    """

  static let clientKey = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgccEMFOovwOXQdDZd
    9x4QlktdLL2h8gRdKC7HuG3IJPuhRANCAASi0MSFwOFC8eiFNmI18tw3F0HJPZPi
    fNuoll1JLVX2APmUeGF79kjMWZOMC/Y133OlcDGhwrPuJcoZHVd6ykkp
    -----END PRIVATE KEY-----
    """

  /// A server that has the certificate, and wants to see one of its client if it is asked to.
  static func context(wantsClient: Bool = false) throws -> NIOSSLContext {
    var encryption = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(server.utf8))
        .map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(serverKey.utf8), format: .pem)))
    if wantsClient {
      encryption.trustRoots = .certificates(
        try NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)))
      encryption.certificateVerification = .noHostnameVerification
    }
    return try NIOSSLContext(configuration: encryption)
  }
}
