/// A run that was saved at one layout goes on at any other.
module Evo.Parallel.Tests.ResumedLayouts

open System
open System.IO
open System.Threading
open FsCheck
open FsCheck.FSharp
open Evo.Core
open Evo.Data
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.TinyRuns
open Xunit

/// A layout: how many ranks, and the keys that spread a run over them.
type Spread = { Ranks: int; Keys: string list }

/// Runs a configuration on ranks of this process until `step` steps are done.
let runOn ranks (step: int64) (config: RunConfig) =
    use stop = new CancellationTokenSource()
    let events = Collections.Generic.List<TrainEvent>()

    let watch =
        { new IProgress<TrainEvent> with
            member _.Report event =
                lock events (fun () -> events.Add event)

                match event with
                | :? TrainEvent.StepDone as it when it.Report.Batch >= step -> stop.Cancel()
                | _ -> ()
        }

    let results =
        LocalWorld.Results(
            ranks,
            (fun rank -> Trainer(config, watch, ResumeRule.AsConfigured, rank).Run stop.Token),
            threads = 1
        )

    results[0], List.ofSeq events

/// Every logical tensor of a checkpoint, put together from its pieces by what the manifest says of them alone.
let tensors (folder: string) =
    let checkpoint = Checkpoint.Read folder

    [
        for tensor in checkpoint.Manifest.Tensors do
            let whole = Array.create (int (Seq.fold (*) 1L tensor.Shape)) nan
            let shape = Array.ofSeq tensor.Shape

            for piece in tensor.Pieces do
                use file = SafeTensors.Open(Path.Combine(folder, piece.File))
                let bytes = file.Bytes(file[piece.Key]).ToArray()

                Assert.Equal(
                    piece.Sha256,
                    Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData bytes)
                )

                let value i =
                    match tensor.DType with
                    | "F64" -> BitConverter.ToDouble(bytes, 8 * i)
                    | "F32" -> float (BitConverter.ToSingle(bytes, 4 * i))
                    | other -> failwith other

                let length = piece.Box.Length
                let n = length.Length

                // The i-th element of the piece in row-major order of the whole, and its number in the file.
                for i in 0 .. int piece.Box.Volume - 1 do
                    let index = Array.zeroCreate<int64> n
                    let mutable rest = int64 i

                    for d in n - 1 .. -1 .. 0 do
                        index[d] <- rest % length[d]
                        rest <- rest / length[d]

                    let number (sizes: int64 array) (at: int64 array) =
                        Array.fold2 (fun sum size place -> sum * size + place) 0L sizes at

                    let inFile =
                        if piece.Transposed then
                            let swap (a: int64 array) =
                                Array.concat [ a[.. n - 3]; [| a[n - 1]; a[n - 2] |] ]

                            number (swap length) (swap index)
                        else
                            int64 i

                    whole[int (number shape (Array.map2 (+) index piece.Box.Offset))] <- value (int inFile)

            tensor.Name, whole
    ]

let private common =
    [
        "model.num_layers=4"
        "model.dtype=float64"
        "data.rows_per_step=4"
        // The law's three steps: in more of them AdamW makes numbers of gradients that are rounding and nothing else.
        "data.total_steps=3"
        // A bias of keys has no gradient but rounding (softmax does not see it), of which AdamW makes steps: with a small
        // epsilon large ones, at any layout and without any checkpoint.
        "adam.adam_eps=1e-5"
        "data.valid_every=0"
        // Losses of routers depend on what is a micro-batch.
        "loss.moe_loss_coeff=0"
        "adam.lr=0.01"
    ]

let private specOf (config: RunConfig) =
    (nonNull (ModelFamilies.Find config.ModelType)).FromKeys.Invoke config.Model.FamilyKeys

let private legal (family: string) (spread: Spread) =
    match tryConfig "/nowhere" family (common @ spread.Keys) with
    | Ok config -> config.LayoutProblems(spread.Ranks, LayoutFacts.Of(specOf config)).Count = 0
    | Error _ -> false

let private spreads family =
    gen {
        let! ranks = Gen.elements [ 1; 2; 4; 4 ]
        let! tensor = Gen.elements [ 1; 2; 4 ]
        let! mode = Gen.elements [ "mtp"; "msp"; "fsp"; "isp"; "isp" ]
        let! weight = Gen.elements [ 1; 2; 4 ]
        let! stages = Gen.elements [ 1; 1; 2; 4 ]
        let! schedule, chunks = Gen.elements [ "1F1B", 1; "1F1B", 2; "ZBH1", 1; "ZBV", 2 ]
        let! zero = Gen.elements [ -1; 1; 2 ]
        let! fsdp = Gen.elements [ 0; 0; 2; -1 ]
        let! expert = Gen.elements [ -1; 1; 2 ]
        let! reduce = Gen.elements [ "reduce_scatter"; "all_reduce" ]
        let! bucket = Gen.elements [ 400; 100_000 ]

        return
            {
                Ranks = ranks
                Keys =
                    [
                        $"parallel.tensor.size={tensor}"
                        $"parallel.tensor.mode={mode}"
                        if mode = "isp" then
                            $"parallel.weight.size={weight}"
                        $"parallel.pipeline.size={stages}"
                        if stages > 1 then
                            $"parallel.pipeline.mode={schedule}"

                            if chunks > 1 then
                                $"model.num_chunks={chunks}"
                        $"parallel.zero1.size={zero}"
                        if fsdp <> 0 then
                            "parallel.fsdp.enable=true"
                            $"parallel.fsdp.size={fsdp}"
                        if family = "MIXTRALMOE" then
                            $"parallel.expert.size={expert}"
                            "model.num_experts=4"
                        $"hybrid_zero_optimizer.reduce={reduce}"
                        $"hybrid_zero_optimizer.reduce_bucket_size={bucket}"
                    ]
            }
    }
    |> Gen.filter (legal family)

let private cases =
    gen {
        let! family = Gen.elements [ "LLAMA2"; "INTERNLM2"; "GPT2"; "MIXTRALMOE" ]
        let! before = spreads family
        let! after = spreads family
        return family, before, after
    }

/// The law's measure: max|a - b| over max|a|, or over a floor where all is small.
let private error floor (a: float array) (b: float array) =
    let largest = a |> Array.fold (fun m x -> max m (abs x)) floor
    (Array.map2 (fun x y -> abs (x - y)) a b |> Array.fold max 0.0) / largest

let private close what floor a b =
    let found = error floor a b
    Assert.True(found <= 1e-10, $"{what}: {found}")

let private losses (events: TrainEvent list) =
    [
        for event in events do
            match event with
            | :? TrainEvent.StepDone as it -> it.Report.Step, it.Report.Loss, it.Report.GradNorm
            | _ -> ()
    ]

let private continues (family: string) before after =
    use folder = new TemporaryFolder()
    writeData folder.Path

    let at name (spread: Spread) =
        config folder.Path family (common @ spread.Keys @ [ $"run_folder={folder.Path}/{name}" ])

    let serial =
        {
            Ranks = 1
            Keys = List.filter (fun (key: string) -> key.StartsWith "model.num_experts") before.Keys
        }

    let straight, expected = runOn 1 Int64.MaxValue (at "straight" serial)
    let _, first = runOn before.Ranks 2L (at "moved" before)
    let moved, second = runOn after.Ranks Int64.MaxValue (at "moved" after)
    Assert.Contains(second, (fun event -> event :? TrainEvent.Resumed))

    for (step, loss, norm), (step', loss', norm') in List.zip (losses expected) (losses first @ losses second) do
        Assert.Equal(step, step')
        close $"loss of step {step}" 0.0 [| loss |] [| loss' |]
        close $"norm of step {step}" 0.0 [| norm |] [| norm' |]

    let expected, found =
        tensors (nonNull straight.Checkpoint), Map(tensors (nonNull moved.Checkpoint))

    Assert.Equal(expected.Length, found.Count)

    for name, values in expected do
        // Of weights the size of an update is the floor, of moments that of the largest ones.
        let kind =
            if name.StartsWith "exp_avg" then
                name[.. name.IndexOf '.']
            else
                ""

        let floor =
            if kind = "" then
                0.01
            else
                1e-6
                * (expected
                   |> Seq.filter (fun (other, _) -> other.StartsWith kind)
                   |> Seq.collect snd
                   |> Seq.fold (fun m x -> max m (abs x)) 0.0)

        close name floor values found[name]

let private check count =
    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(count).WithReplay(Some { Rnd = Rnd(99UL, 3UL); Size = None }),
        Prop.forAll (Arb.fromGen cases) (fun (family, before, after) ->
            continues family before after
            true)
    )

[<Fact>]
let ``saved at any layout and continued at any other, a run is what it would have been without stopping`` () =
    check 12

[<Fact; Trait("Category", "Full")>]
let ``saved at any of many layouts and continued at any other, a run is what it would have been`` () =
    check 200

let names = TheoryData<int>([| 0 .. RankedTrainers.layouts.Length - 1 |])

[<Theory; MemberData(nameof names)>]
let ``saved and continued at the same layout, a run ends in the same bits`` (index: int) =
    let family, ranks, keys = RankedTrainers.layouts[index]
    use folder = new TemporaryFolder()
    writeData folder.Path

    let at name =
        config
            folder.Path
            family
            (keys
             @ [
                 if index % 2 = 1 then
                     "model.dtype=bfloat16"
                 if index % 4 = 3 then
                     "hybrid_zero_optimizer.split_master=true"
                 "data.rows_per_step=4"
                 "data.total_steps=6"
                 "data.valid_every=0"
                 $"run_folder={folder.Path}/{name}"
             ])

    let straight, _ = runOn ranks Int64.MaxValue (at "straight")
    runOn ranks 3L (at "stopped") |> ignore
    let again, _ = runOn ranks Int64.MaxValue (at "stopped")
    Assert.Equal<(string * string) list>(bits (nonNull straight.Checkpoint), bits (nonNull again.Checkpoint))

[<Fact>]
let ``a run of one micro-batch a step ends in the same bits with its gradients summed in the model's type``
    ()
    =
    use folder = new TemporaryFolder()
    writeData folder.Path

    let ends micro narrow =
        let config =
            config
                folder.Path
                "LLAMA2"
                [
                    "model.dtype=bfloat16"
                    $"data.rows_per_step={micro}"
                    "data.total_steps=4"
                    "data.valid_every=0"
                    $"hybrid_zero_optimizer.narrow_sums={narrow}"
                    $"run_folder={folder.Path}/{micro}-{narrow}"
                ]

        bits (nonNull (fst (runOn 1 Int64.MaxValue config)).Checkpoint)

    Assert.Equal<(string * string) list>(ends 1 "false", ends 1 "true")
    Assert.NotEqual<(string * string) list>(ends 4 "false", ends 4 "true")

[<Fact>]
let ``ranks write as much each, and a rank that resumes reads its part of the state and nothing else`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path

    let at keys =
        config folder.Path "LLAMA2" (common @ keys)

    let result, _ = runOn 4 3L (at [ "parallel.zero1.size=2" ])
    let checkpoint = Checkpoint.Read(nonNull result.Checkpoint)

    let bytes =
        [
            for file in checkpoint.Manifest.Files do
                if file.Path.StartsWith "optimizer" then
                    float file.Bytes
        ]

    Assert.Equal(4, bytes.Length)
    Assert.True(List.max bytes < 1.5 * List.average bytes, $"{bytes}")
    let state = 3.0 * 8.0 * float (specOf (at [])).ParameterCount

    for keys, part in
        [
            [ "parallel.zero1.size=4" ], 0.25
            [ "parallel.zero1.size=1" ], 1.0
            [ "parallel.fsdp.enable=true" ], 0.25
            [
                "parallel.tensor.size=4"
                "parallel.tensor.mode=isp"
                "parallel.weight.size=4"
            ],
            0.25
        ] do
        let config = at keys
        let spec = specOf config
        let layout = config.LayoutAt(4, 0)

        let read =
            LocalWorld.Results(
                4,
                (fun rank ->
                    let groups = RankGroups(Topology layout.Degrees, rank)

                    use model =
                        RankModel.Build(
                            spec,
                            layout,
                            groups,
                            RankModelOptions(Dtype = TorchSharp.torch.float64)
                        )

                    let reader = StateReader checkpoint
                    reader.Fill(model, true, true)
                    reader.BytesRead),
                threads = 1
            )

        for bytes in read do
            // Parts begin at multiples of 16 numbers, and what is small is whole everywhere.
            Assert.True(abs (float bytes - part * state) < 0.1 * state, $"{keys}: {bytes} of {state}")

[<Fact>]
let ``a run saved in one element type continues in another, near the curve that it had`` () =
    for before, after in [ "float32", "bfloat16"; "bfloat16", "float32"; "float64", "float32" ] do
        use folder = new TemporaryFolder()
        writeData folder.Path

        let at dtype name =
            config
                folder.Path
                "INTERNLM2"
                [
                    $"model.dtype={dtype}"
                    "data.rows_per_step=4"
                    "data.valid_every=0"
                    "data.total_steps=8"
                    $"run_folder={folder.Path}/{name}"
                ]

        let _, expected = runOn 1 Int64.MaxValue (at before "straight")
        runOn 1 4L (at before "moved") |> ignore
        let _, found = runOn 2 Int64.MaxValue (at after "moved")

        for (step, loss, _), (step', loss', _) in List.zip (List.skip 4 (losses expected)) (losses found) do
            Assert.Equal(step, step')

            Assert.True(
                abs (loss - loss') < 0.02 * loss,
                $"{before} to {after}, step {step}: {loss} and {loss'}"
            )
