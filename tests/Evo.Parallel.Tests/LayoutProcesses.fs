/// The law of parity over processes: gloo gives one device's steps, and the bits of ranks that are threads.
module Evo.Parallel.Tests.LayoutProcesses

open System
open System.IO
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.LayoutPrograms
open Evo.Core
open Xunit

let private readNumbers (path: string) =
    let bytes = File.ReadAllBytes path
    Array.init (bytes.Length / 8) (fun i -> BitConverter.ToDouble(bytes, 8 * i))

[<Fact>]
let ``steps over gloo processes are one device's, and the bits of local ranks`` () =
    use folder = new TemporaryFolder()

    let spawning =
        {
            Count = ranks
            FirstRank = 0
            Size = ranks
            Host = "127.0.0.1"
            Port = None
            Serves = true
        }

    let said = Collections.Concurrent.ConcurrentQueue<string>()

    let command = RankSupervisor.OwnCommand [| "--child"; "law"; folder.Path |]
    let code = RankSupervisor(spawning, command, fun line -> said.Enqueue line).Run()
    let said = String.concat "\n" said
    Assert.True((code = 0), $"the ranks ended with {code}\n{said}")

    let wrong =
        [
            for case, (family, layout) in List.indexed cases do
                let spec, batch = subject family layout

                for problem in Legality.problems (LayoutFacts.Of(spec, 8)) layout do
                    $"{family}, {layout}: {problem}"

                let one =
                    { Layout.Single with
                        MicroBatches = layout.MicroBatches
                    }

                let serial = LayoutParity.Run(spec, one, batch)

                let threads =
                    LocalWorld.Results(
                        ranks,
                        (fun world -> LayoutParity.Run(spec, layout, batch, world, ParityProbe())),
                        threads = 1
                    )

                let processes =
                    threads
                    |> Array.map (fun figures ->
                        withNumbers figures (readNumbers (file folder.Path case figures.Rank)))

                let found = LayoutFigureJoin.Join processes
                let first = found.First(serial, LayoutParity.LearningRate)

                if first.HasValue then
                    $"{family}, {layout}: {first.Value.Quantity} is off by {first.Value.Error:g3}"

                for quantity in found.Unequal do
                    $"{family}, {layout}: {quantity} differs between replicas"

                for thread, proc in Array.zip threads processes do
                    let bits = numbers >> Array.map BitConverter.DoubleToInt64Bits

                    if bits thread <> bits proc then
                        $"{family}, {layout}: rank {thread.Rank} has other bits in a process than in a thread"
        ]

    Assert.Empty wrong
    Assert.True(cases.Length >= 12)
