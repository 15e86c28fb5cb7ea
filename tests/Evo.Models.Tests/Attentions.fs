/// What attention adds to a causal mask: a window, and scores that fall with distance.
module Evo.Models.Tests.Attentions

open Evo.Data
open Evo.Models
open Evo.Models.Tests.Golden
open Evo.Models.Tests.Json
open Evo.Parallel
open Evo.Torch
open TorchSharp
open Xunit

let private double = torch.ScalarType.Float64

let private largest (a: torch.Tensor) (b: torch.Tensor) =
    (a.``to`` (double) - b.``to`` (double)).abs().max().item<double>()

/// A tensor of the golden ALiBi file.
let private golden (name: string) : torch.Tensor =
    use file = SafeTensors.Open(path [ "components"; "alibi.safetensors" ])
    TensorFiles.Read(file, name).``to``(double)

/// The attention weights [H, T, T] where queries say nothing: what mask and bias alone make of them.
let private weights heads (length: int) window (slopes: torch.Tensor) =
    let T = int64 length
    let nothing = torch.zeros ([| 1L; T; int64 heads; T |], double)

    let values =
        torch.eye(T, dtype = double).view(1L, T, 1L, T).expand(1L, T, int64 heads, T)

    Ops
        .CausalAttention(nothing, nothing, values.contiguous (), 1.0, window = window, alibiSlopes = slopes)
        .squeeze(0L)
        .transpose(0L, 1L)

[<Theory>]
[<InlineData(4)>]
[<InlineData(6)>]
[<InlineData(8)>]
[<InlineData(12)>]
[<InlineData(32)>]
[<InlineData(40)>]
let ``slopes are those of Baichuan2 and of the paper, for any number of heads`` (heads: int) =
    use _ = torch.NewDisposeScope()
    Assert.True(largest (golden $"slopes.{heads}") (torch.tensor (Alibi.Slopes heads, dtype = double)) < 1e-7)

[<Theory>]
[<InlineData(4, 7)>]
[<InlineData(6, 9)>]
let ``a score falls by its head's slope for each token of distance`` (heads: int, length: int) =
    use _ = torch.NewDisposeScope()

    let unseen =
        torch.ones([| int64 length; int64 length |], dtype = torch.ScalarType.Bool).triu(1L)

    let bias =
        (golden $"bias.{heads}x{length}")
            .masked_fill(unseen, Scalar.op_Implicit System.Double.NegativeInfinity)

    let found =
        weights heads length 0L (torch.tensor (Alibi.Slopes heads, dtype = double))

    Assert.True(largest (bias.softmax (-1L)) found < 1e-7)

[<Fact>]
let ``in a window of three a token sees itself and the two before it`` () =
    use _ = torch.NewDisposeScope()

    let seen =
        [
            for i in 0..4 ->
                [
                    for j in 0..4 ->
                        if j <= i && i - j < 3 then
                            1.0 / float (min 3 (i + 1))
                        else
                            0.0
                ]
        ]

    let found = (weights 1 5 3L (torch.tensor ([| 0.0 |], dtype = double))).squeeze(0L)
    Assert.True(largest (torch.tensor (array2D seen)) found < 1e-12)

[<Fact>]
let ``layers from max_window_layers on have the window, and only where it is switched on`` () =
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()

    // What the last of many tokens becomes does not depend on the first where every layer's window has passed it.
    let reaches changes =
        use model =
            (read (config "qwen2" (("num_hidden_layers", "2") :: changes)))
                .Build(BuildOptions(Dtype = double, InitSeed = System.Nullable 1UL))

        let ids = torch.randint (100L, [| 1L; 12L |])
        let others = ids.clone ()
        others.select(1L, 0L).add_(Scalar.op_Implicit 1) |> ignore
        use at = Positions.Sequential(1, 12)

        let last (ids: torch.Tensor) = model.Hidden(ids, at).select(1L, 11L)

        largest (last ids) (last others) > 0.0

    let window = [ "use_sliding_window", "true"; "sliding_window", "4" ]
    Assert.False(reaches (("max_window_layers", "0") :: window))
    Assert.True(reaches (("max_window_layers", "1") :: window))
    Assert.True(reaches [ "sliding_window", "4"; "max_window_layers", "0" ])

    Assert.True(
        reaches
            [
                "use_sliding_window", "true"
                "sliding_window", "null"
                "max_window_layers", "0"
            ]
    )

[<Fact>]
let ``operations in a window are counted up to its width`` () =
    let spec =
        read (
            config
                "qwen2"
                [
                    "use_sliding_window", "true"
                    "sliding_window", "3"
                    "max_window_layers", "1"
                ]
        )

    // Two layers of four heads of sixteen: all pairs in the first, in the second 1 + 2 + 3 + 3 … for each token.
    let flops = spec.FlopsPerStep(1L, 10L)
    Assert.Equal(4.0 * 64.0 * float (55 + 3 + 8 * 3), flops.AttentionCausal)
    Assert.Equal(4.0 * 64.0 * 200.0, flops.AttentionFull)
