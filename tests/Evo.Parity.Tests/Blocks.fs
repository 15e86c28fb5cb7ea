/// When a module says that a block begins and ends, its weights are read in between and nowhere else, and its gradients are whole.
module Evo.Parity.Tests.Blocks

open System
open System.Collections.Generic
open Evo.Models
open Evo.Parallel
open TorchSharp
open Xunit

/// Writes down what it is told, as InternEvo's hooks would see it.
type private Listener() =
    inherit BlockEvents()
    member val Told = List<string>()
    member this.Tell what block = this.Told.Add $"{what} {block}"
    override this.BeforeForward block = this.Tell "forward" block
    override this.AfterForward block = this.Tell "forward done" block
    override this.BeforeBackward block = this.Tell "backward" block
    override this.AfterBackward block = this.Tell "backward done" block

/// Numbers written where autograd does not see it, as a gather into a buffer would.
let private write (t: torch.Tensor) (values: float[]) =
    use memory = t.data<double>()
    memory.CopyFrom values

/// Weights are there between Before and After of a block that reads them; else they are NaN.
type private Poison() =
    inherit BlockEvents()
    let mutable readers = Map.empty<int, (string * torch.Tensor * float[]) list>
    let opened = Dictionary<string, int>()
    let whole = Dictionary<string, float[]>()
    member val Incomplete = List<string>()
    member val Expected = Map.empty<string, float[]> with get, set

    member _.Take(model: CausalLMModule) =
        readers <-
            [
                for p in model.Table do
                    let kept = Pieces.numbers (p.Value.detach ())
                    opened[p.Info.Name] <- 0
                    write p.Value (Array.create kept.Length nan)

                    for block in model.ReadIn p.Info -> block, (p.Info.Name, (p.Value :> torch.Tensor), kept)
            ]
            |> List.groupBy fst
            |> List.map (fun (block, all) -> block, List.map snd all)
            |> Map.ofList

    member private _.Open block =
        for name, value, kept in readers[block] do
            opened[name] <- opened[name] + 1
            write value kept

    member private _.Close block =
        for name, value, kept in readers[block] do
            opened[name] <- opened[name] - 1

            if opened[name] = 0 then
                write value (Array.create kept.Length nan)

    override this.BeforeForward block = this.Open block
    override this.AfterForward block = this.Close block
    override this.BeforeBackward block = this.Open block

    override this.AfterBackward block =
        this.Close block

        // Of a table that two blocks read, the gradient is whole with the one that it belongs to.
        for name, value, _ in readers[block] do
            let owner =
                readers
                |> Map.filter (fun _ all -> all |> List.exists (fun (n, _, _) -> n = name))
                |> Seq.head

            if owner.Key = block then
                let found =
                    match value.grad with
                    | null -> [||]
                    | g -> Pieces.numbers g

                if found <> this.Expected[name] then
                    this.Incomplete.Add name

let private small (name: string) =
    Steps.small name |> Small.with' SizeRole.Layers 3

let names = Stages.names

[<Theory; MemberData(nameof names)>]
let ``blocks begin and end in the order of the forward, and then of the backward`` (name: string) =
    let spec = small name
    let batch = Small.batch 3 2 6 spec

    for recompute in [ 0.0; 1.0 ] do
        let heard = Listener()
        use model = Pieces.build spec RankContext.Single None recompute heard
        Assert.Equal(5, model.BlockCount)
        Pieces.whole model batch |> ignore

        let expected =
            [
                for block in 0..4 do
                    $"forward {block}"
                    $"forward done {block}"
                for block in 4..-1..0 do
                    $"backward {block}"

                    // Token ids have no gradient: nothing in the graph ends the first block.
                    if block > 0 then
                        $"backward done {block}"
            ]

        Assert.Equal<string list>(expected, List.ofSeq heard.Told)

[<Theory; MemberData(nameof names)>]
let ``weights are read only between the words, and gradients are whole at the last of them`` (name: string) =
    for tied in [ false; true ] do
        let family = nonNull (ModelFamilies.Find name)
        let json = Text.Json.Nodes.JsonObject()
        json["tie_word_embeddings"] <- Text.Json.Nodes.JsonValue.Create tied
        let spec = Small.make (family.FromHuggingFace.Invoke json)
        let batch = Small.batch 4 2 6 spec

        for recompute in [ 0.0; 1.0 ] do
            use plain = Pieces.build spec RankContext.Single None recompute null
            let loss, gradients = Pieces.whole plain batch
            let poison = Poison(Expected = Map.ofList gradients)
            use model = Pieces.build spec RankContext.Single None recompute poison
            poison.Take model
            let found, others = Pieces.whole model batch
            Assert.Equal(loss, found)
            Assert.Equal<(string * float[]) list>(gradients, others)
            Assert.Empty poison.Incomplete

[<Theory>]
[<InlineData("QWEN2"); InlineData("MIXTRALMOE")>]
let ``so it is in every mode on two ranks, and in stages`` (name: string) =
    let spec = small name
    let batch = Small.batch 5 2 8 spec

    for mode in Small.modes do
        let layout = ParityLayout(mode, 2, (if mode = ParallelMode.Isp then 2 else 1))

        LocalWorld.Run(
            2,
            (fun rank ->
                let ranks = Steps.ranks spec layout rank id
                let cut = [ StageRange(0, 1); StageRange(1, 3) ]
                let plain = [ for range in cut -> Pieces.build spec ranks (Some range) 0.5 null ]
                let loss, gradients = Pieces.inStages plain batch

                let poisons = [ for stage in gradients -> Poison(Expected = Map.ofList stage) ]

                let models =
                    [
                        for range, poison in List.zip cut poisons ->
                            Pieces.build spec ranks (Some range) 0.5 poison
                    ]

                List.iter2 (fun (poison: Poison) model -> poison.Take model) poisons models
                let found, others = Pieces.inStages models batch
                Assert.Equal(loss, found)
                Assert.Equal<(string * float[]) list list>(gradients, others)

                for poison in poisons do
                    Assert.Empty poison.Incomplete

                for model in plain @ models do
                    model.Dispose()),
            threads = Nullable 1
        )
