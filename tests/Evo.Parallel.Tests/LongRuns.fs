/// A run of any length needs the memory of a short one: the .NET heap and what libtorch holds do not grow with the steps.
module Evo.Parallel.Tests.LongRuns

open System
open System.Threading
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.TinyRuns
open Evo.Torch
open Xunit

/// What a process holds after a step, all garbage collected.
type private Held =
    {
        Heap: int64
        Handles: int64
        Native: int64
    }

/// Trains to `late` and looks after steps `early` and `late`, on the first rank while it reports the step.
let private heldAt ranks family (sets: string list) (early: int64) (late: int64) =
    use folder = new TemporaryFolder()
    writeData folder.Path

    let config =
        config
            folder.Path
            family
            ([
                $"data.total_steps={late}"
                "data.valid_every=0"
                "data.seq_len=16"
                "data.micro_bsz=1"
                "data.micro_num=1"
                "ckpt.checkpoint_every=0"
                "enable_tb=false"
             ]
             @ sets)

    let found = Collections.Generic.Dictionary<int64, Held>()

    let watch =
        { new IProgress<TrainEvent> with
            member _.Report event =
                match event with
                | :? TrainEvent.StepDone as it when it.Report.Step = early || it.Report.Step = late ->
                    // Twice: the first lets finalizers give back what they hold.
                    GC.Collect()
                    GC.WaitForPendingFinalizers()

                    found[it.Report.Step] <-
                        {
                            Heap = GC.GetTotalMemory true
                            Handles = NativeMemory.LiveTensors
                            Native = NativeMemory.BytesAllocated
                        }
                | _ -> ()
        }

    if ranks = 1 then
        Trainer(config, watch).Run CancellationToken.None |> ignore
    else
        watchedOn ranks config watch

    found[early], found[late]

/// Tables that double, strings of figures and the code that the JIT makes better may come and go by so much.
let private margin = 96L * 1024L

let private doesNotGrow ranks family sets early late =
    let before, after = heldAt ranks family sets early late
    let grown = after.Heap - before.Heap

    Assert.True(
        grown <= margin,
        $"the heap has {before.Heap} bytes after step {early} and {after.Heap} after step {late}: {grown} more"
    )

    // Of ranks that are threads only the first stands still.
    if ranks = 1 then
        Assert.Equal(before.Handles, after.Handles)
        Assert.InRange(after.Native, 0L, before.Native + 4096L)

    Console.WriteLine
        $"{family} on {ranks}: heap {before.Heap} after step {early}, {after.Heap} after step {late}; {after.Handles} tensors"

[<Theory; InlineData "LLAMA2"; InlineData "MIXTRALMOE">]
let ``neither heap nor tensors grow from step 100 to step 500`` (family: string) =
    doesNotGrow 1 family [] 100L 500L

[<Theory; Trait("Category", "Full"); InlineData "LLAMA2"; InlineData "GPT2"; InlineData "MIXTRALMOE">]
let ``neither heap nor tensors grow from step 1,000 to step 10,000`` (family: string) =
    doesNotGrow 1 family [] 1000L 10000L

[<Fact; Trait("Category", "Full")>]
let ``the heap does not grow on two ranks`` () =
    doesNotGrow 2 "LLAMA2" [ "data.rows_per_step=2"; "parallel.tensor.size=2" ] 500L 3000L
