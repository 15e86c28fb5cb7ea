/// Folders of their own for tests that write files.
module Evo.Parallel.Tests.Folders

open System
open System.IO
open Xunit

// One test after the other: some count the native tensors of the whole process.
[<assembly: CollectionBehavior(DisableTestParallelization = true)>]
do ()

/// Native tensors that are alive, once those that nobody can reach any more are gone.
let liveTensors () =
    for _ in 1..2 do
        GC.Collect()
        GC.WaitForPendingFinalizers()

    Evo.Torch.NativeMemory.LiveTensors

/// An empty folder that is gone when the test ends.
type TemporaryFolder() =
    let path =
        Path.Combine(Path.GetTempPath(), "evo-test-" + Guid.NewGuid().ToString("N"))

    do Directory.CreateDirectory path |> ignore

    member _.Path = path
    member _.File(name: string) = Path.Combine(path, name)

    interface IDisposable with
        member _.Dispose() =
            if Directory.Exists path then
                Directory.Delete(path, true)
