/// The auxiliary loss of routers: its formulas spelt out, and its sums over ranks.
module Evo.Models.Tests.Routers

open Evo.Models
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Xunit

let private logits =
    gen {
        let! layers = Gen.choose (1, 4)
        let! tokens = Gen.choose (1, 9)
        let! experts = Gen.choose (2, 6)
        let! topK = Gen.choose (1, min 3 experts)

        let! numbers =
            Gen.listOfLength (layers * tokens * experts) (Gen.choose (-4000, 4000))

        let rows =
            numbers |> List.map (fun n -> float n / 1000.0) |> List.chunkBySize experts

        return topK, List.chunkBySize tokens rows
    }

let private forAll property =
    let config = Config.QuickThrowOnFailure.WithMaxTest(80).WithReplay(5UL, 7UL)
    Check.One(config, Prop.forAll (Arb.fromGen logits) property)

let private outputs (topK: int) (layers: float list list list) =
    [
        for i, rows in List.indexed layers ->
            let flat = rows |> List.concat |> Array.ofList
            RouterOutput(i, torch.tensor(flat).view(1L, int64 rows.Length, -1L), topK)
    ]

let private softmax (row: float list) =
    let powers = row |> List.map exp
    powers |> List.map (fun p -> p / List.sum powers)

/// Indices of the k largest.
let private best k (row: float list) =
    row |> List.indexed |> List.sortByDescending snd |> List.take k |> List.map fst

/// E Σₑ (choices of e per token) (mean probability of e), over some tokens and each one's counted choices.
let private product counted (rows: float list list) =
    let experts = rows.Head.Length

    float experts
    * List.sum
        [
            for e in 0 .. experts - 1 ->
                let share =
                    rows
                    |> List.averageBy (fun row ->
                        best counted row |> List.filter ((=) e) |> List.length |> float)

                share * (rows |> List.averageBy (fun row -> (softmax row)[e]))
        ]

let private z (rows: float list list) =
    rows |> List.averageBy (fun row -> (row |> List.sumBy exp |> log) ** 2.0)

let private losses topK layers balancing =
    let found =
        RouterStatistics.Losses([| for o in outputs topK layers -> RouterStatistics.Of o |], balancing)

    found.Balance.item<double>(), found.Z.item<double>()

let private same (a: float, b: float) (c: float, d: float) =
    Assert.Equal(c, a, 10)
    Assert.Equal(d, b, 10)

[<Fact>]
let ``transformers' form takes the tokens of all layers as one batch`` () =
    forAll (fun (topK, layers) ->
        use _ = torch.NewDisposeScope()
        let all = List.concat layers
        same (losses topK layers Balancing.Joint) (product topK all, z all))

[<Fact>]
let ``the form of each layer is one at balance and summed over layers`` () =
    forAll (fun (topK, layers) ->
        use _ = torch.NewDisposeScope()
        let each = layers |> List.sumBy (fun rows -> product topK rows / float topK)
        same (losses topK layers Balancing.EachLayer) (each, List.sumBy z layers))

[<Fact>]
let ``GShard's form counts first choices only`` () =
    forAll (fun (topK, layers) ->
        use _ = torch.NewDisposeScope()
        same (losses topK layers Balancing.FirstChoice) (List.sumBy (product 1) layers, List.sumBy z layers))

[<Fact>]
let ``statistics of ranks that share the tokens add up`` () =
    forAll (fun (topK, layers) ->
        use _ = torch.NewDisposeScope()

        for output in outputs topK layers do
            let length = output.Logits.shape[1]
            let cut = length / 2L

            let part (start: int64) count =
                RouterStatistics.Of(RouterOutput(0, output.Logits.narrow (1L, start, count), topK))

            if cut > 0L then
                let both = (part 0L cut) + (part cut (length - cut))

                Assert.True(
                    (both.Sums - RouterStatistics.Of(output).Sums).abs().max().item<double>() < 1e-12
                ))

[<Fact>]
let ``it pulls a busy expert's logit down and counts pull nothing`` () =
    use _ = torch.NewDisposeScope()

    let leaf =
        torch.tensor([| 3.0; 0.0; 0.0; 2.0; 0.0; 1.0 |]).view(1L, 2L, 3L).requires_grad_ true

    let found =
        RouterStatistics.Losses([| RouterStatistics.Of(RouterOutput(0, leaf, 1)) |], Balancing.Joint)

    found.Balance.backward ()
    let gradient = nonNull leaf.grad
    Assert.True(gradient[0L, 0L, 0L].item<double>() > 0.0)
    // Softmax: what one logit gains the others lose.
    Assert.True(gradient.sum([| -1L |]).abs().max().item<double>() < 1e-15)
