/// The table of matrix products of a machine and of a run: measured once, kept, the same for all ranks and for a run that goes on.
module Evo.Parallel.Tests.RunTables

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.TinyRuns
open Evo.Torch
open Xunit

let private needChoice () =
    if not MatrixProducts.HaveChoice then
        Assert.Skip "this libtorch has no oneDNN beside its BLAS, or EVO_MATMUL leaves no choice"

/// Timings that say which they are.
let private timings (seconds: float) (shapes: ProductShape seq) =
    [|
        for shape in shapes ->
            let times =
                [|
                    for way in ProductTiming.Ways -> seconds * (if way = ProductWay.Blas then 1.0 else 2.0)
                |]

            {
                Shape = shape
                First = times
                Again = times
            }
    |]
    :> Collections.Generic.IReadOnlyList<ProductTiming>

let private table machine (seconds: float) : ProductTable =
    {
        Machine = machine
        Timings = timings seconds ProductTable.Shapes
        Known = [||]
    }

let private seconds (found: ProductTable | null) =
    (nonNull found).Timings[0].First[int ProductWay.Blas]

[<Fact>]
let ``a machine is measured once, and again where its file is damaged or another machine's`` () =
    needChoice ()
    use folder = new TemporaryFolder()
    let mutable times = 0

    let taken machine =
        let measure shapes =
            times <- times + 1
            timings (float times) shapes

        let products = MachineProducts(folder.Path, machine, measure)
        products, seconds (products.Take [||])

    let here, first = taken "here"
    Assert.Equal(1.0, first)
    Assert.Equal(1.0, snd (taken "here"))
    Assert.Equal(2.0, snd (taken "there"))
    Assert.Equal(1.0, snd (taken "here"))
    let text = File.ReadAllText here.File
    File.WriteAllText(here.File, text.Substring(0, text.Length / 2))
    Assert.Equal(3.0, snd (taken "here"))
    File.WriteAllText(here.File, (table "there" 9.0).Text)
    Assert.Equal(4.0, snd (taken "here"))
    Assert.Empty(Directory.GetFiles(folder.Path, "*.partial"))

[<Fact>]
let ``a busy machine's table serves until a steady one is asked for`` () =
    needChoice ()
    use folder = new TemporaryFolder()
    let mutable times = 0

    let measure shapes : Collections.Generic.IReadOnlyList<ProductTiming> =
        times <- times + 1
        let found = timings (float times) shapes

        if times > 1 then
            found
        else
            [|
                for timing in found ->
                    { timing with
                        Again = Array.map ((*) 2.0) timing.First
                    }
            |]

    let products = MachineProducts(folder.Path, "here", measure)
    Assert.Equal(1.0, seconds (products.Take [||]))
    Assert.Equal(1.0, seconds (products.Take [||]))
    Assert.Equal(2.0, seconds (products.Take([||], steady = true)))
    Assert.Equal(2.0, seconds (products.Take([||], steady = true)))
    Assert.Equal(2.0, seconds (products.Take [||]))

[<Fact>]
let ``shapes of a run are measured once, and no others are in its table`` () =
    needChoice ()
    use folder = new TemporaryFolder()
    let asked = Collections.Generic.List<ProductShape list>()

    let measure shapes =
        asked.Add(List.ofSeq shapes)
        timings (float asked.Count) shapes

    let shape inner =
        {
            Form = ProductForm.Forward
            Rows = 300L
            Columns = 400L
            Inner = inner
        }

    let take shapes =
        let table =
            nonNull (MachineProducts(folder.Path, "here", measure).Take(Array.ofList shapes))

        [ for timing in table.Known -> timing.Shape, timing.First[int ProductWay.Blas] ]

    Assert.Equal<(ProductShape * float) list>([ shape 1L, 2.0 ], take [ shape 1L ])
    Assert.Equal<(ProductShape * float) list>([ shape 1L, 2.0; shape 2L, 3.0 ], take [ shape 2L; shape 1L ])
    Assert.Equal<(ProductShape * float) list>([ shape 2L, 3.0 ], take [ shape 2L ])
    Assert.Empty(take [])

    Assert.Equal<ProductShape list list>(
        [ ProductTable.Shapes; [ shape 1L ]; [ shape 2L ] ],
        List.ofSeq asked
    )

[<Fact>]
let ``of several who want a table at once one measures`` () =
    needChoice ()
    use folder = new TemporaryFolder()
    let mutable times = 0

    let measure shapes =
        let time = Interlocked.Increment &times
        Thread.Sleep 50
        timings (float time) shapes

    let found = Array.zeroCreate 4

    Parallel.For(
        0,
        4,
        ParallelOptions(MaxDegreeOfParallelism = 4),
        fun i -> found[i] <- seconds (MachineProducts(folder.Path, "here", measure).Take [||])
    )
    |> ignore

    Assert.Equal<float list>([ 1.0; 1.0; 1.0; 1.0 ], List.ofArray found)

[<Fact>]
let ``what cannot be kept is not used`` () =
    needChoice ()
    use folder = new TemporaryFolder()
    let file = Path.Combine(folder.Path, "file")
    File.WriteAllText(file, "")
    Assert.Null(MachineProducts(file, "here", timings 1.0).Take [||])

/// What tells a table from others.
let private first (table: ProductTable) =
    if table.Timings.Count = 0 then
        "empty"
    else
        string table.Timings[0].First[int ProductWay.Blas]

/// Runs, and gives the tables that were in use after steps.
let private tablesOf ranks (config: RunConfig) =
    let found = Collections.Concurrent.ConcurrentBag<string>()

    let watch =
        { new IProgress<TrainEvent> with
            member _.Report event =
                match event with
                | :? TrainEvent.StepDone ->
                    found.Add(
                        match MatrixProducts.InUse with
                        | null -> "none"
                        | table -> first table
                    )
                | _ -> ()
        }

    if ranks = 1 then
        Trainer(config, watch).Run CancellationToken.None |> ignore
    else
        watchedOn ranks config watch

    // What a run had is not left to the process.
    Assert.Null(MatrixProducts.InUse)
    Assert.True(Ops.UseNative)
    List.distinct (List.ofSeq found)

let private inFolder (config: RunConfig) =
    Path.Combine(config.Folder, "products.txt")

let private short = [ "data.total_steps=2"; "data.valid_every=0" ]

[<Theory; InlineData 1; InlineData 2>]
let ``a run computes by the table in its folder on all ranks`` (ranks: int) =
    needChoice ()
    use folder = new TemporaryFolder()
    writeData folder.Path
    let config = config folder.Path "LLAMA2" ("data.rows_per_step=2" :: short)
    Directory.CreateDirectory config.Folder |> ignore
    let before = Threads.Count
    Threads.Set 1

    try
        File.WriteAllText(inFolder config, (table MatrixProducts.Machine 77.0).Text)
    finally
        Threads.Set before

    Assert.Equal<string list>([ "77" ], tablesOf ranks config)

[<Fact>]
let ``a run without a table of this machine takes the machine's and keeps it`` () =
    needChoice ()
    use folder = new TemporaryFolder()
    writeData folder.Path
    let config = config folder.Path "LLAMA2" short
    Directory.CreateDirectory config.Folder |> ignore
    File.WriteAllText(inFolder config, (table "another machine" 77.0).Text)
    let used = tablesOf 1 config

    match ProductTable.OfAnyMachine(File.ReadAllText(inFolder config)) with
    | null -> Assert.Fail "no table was kept"
    | kept -> Assert.Equal<string list>([ first kept ], used)

    Assert.NotEqual<string list>([ "77" ], used)

[<Theory; InlineData "model.dtype=float64"; InlineData "model.dtype=bfloat16"; InlineData "kernels=plain">]
let ``a run that multiplies nothing else than libtorch does has no table`` (set: string) =
    use folder = new TemporaryFolder()
    writeData folder.Path
    let config = config folder.Path "LLAMA2" (set :: short)
    Assert.Equal<string list>([ "none" ], tablesOf 1 config)
    Assert.False(File.Exists(inFolder config))
