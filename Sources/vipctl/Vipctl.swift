import ArgumentParser

@main
struct Vipctl: ParsableCommand {
}
