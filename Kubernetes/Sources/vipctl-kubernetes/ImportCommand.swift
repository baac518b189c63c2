import ArgumentParser
import Glibc
import VIPKubernetesImport
import VIPService

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract:
      "Translate the pools of OpenELB, MetalLB or kube-vip, and say what has no equivalent.",
    discussion: """
      Reads Eips of OpenELB, IPAddressPools of MetalLB with their L2Advertisements, and the ConfigMap \
      kubevip of kube-vip, as YAML or JSON. Prints AddressPools for 'kubectl apply -f -', and on \
      standard error one line for everything that could not be carried over, with what to do about it. \
      Nothing is guessed: what is not understood is left out and named. Lines with 'note:' say what \
      else there is to know; nothing is lost there. Nothing in the cluster is changed.

        kubectl get eips -o yaml | vipctl-kubernetes import -
        kubectl get ipaddresspools,l2advertisements -A -o yaml | vipctl-kubernetes import - > pools.yaml
        vipctl-kubernetes import pools.yaml advertisements.yaml

      Exit code 0: nothing is lost; 1: something has no equivalent, the rest is \
      printed; 65: these are no objects to import, and nothing is printed.
      """)

  @Argument(
    help: ArgumentHelp(
      "Files with objects, - for standard input; they are read together.", valueName: "file"))
  var files: [String]

  func validate() throws {
    guard files.count(where: { $0 == "-" }) < 2 else {
      throw ValidationError("'-' is given twice, but there is only one standard input")
    }
  }

  func run() throws {
    let result: PoolImport
    do throws(PoolImportError) {
      result = try PoolImport(try Self.sources(files))
    } catch {
      throw Failure(code: 65, line: error.description)
    }
    print(result.yaml, terminator: "")
    for remark in result.remarks { LogOutput.write(failure: remark.line) }
    let count = result.remarks.count { $0.kind == .lost }
    guard count == 0 else {
      throw Failure(
        code: 1,
        line: "\(count) \(count == 1 ? "thing has" : "things have") no equivalent, see above; "
          + (result.pools.isEmpty
            ? "no pool could be carried over" : "check the rest before you use it"))
    }
  }

  private static func sources(_ paths: [String]) throws(PoolImportError) -> [ImportSource] {
    var sources: [ImportSource] = []
    for path in paths {
      let name = path == "-" ? "standard input" : path
      sources.append(ImportSource(name: name, bytes: try InputFile.bytes(path, named: name)))
    }
    return sources
  }
}
