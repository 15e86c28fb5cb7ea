/// Records made up from a small grammar: widths, heads, norms, residual streams, attentions and MLPs, drawn and shrunk.
module Evo.Parity.Tests.Recipes

open FsCheck
open FsCheck.FSharp

type Norm =
    | Rms
    | RmsOffset
    | Layer

type Residual =
    /// x + attention(norm x), then x + mlp(norm x)
    | Sequential
    /// x + attention(norm x) + mlp(norm x)
    | Parallel
    /// x + norm(attention x), then x + norm(mlp x)
    | PostNorm
    /// x + norm(attention(norm x)), then the same with the MLP
    | Sandwich

type Projection =
    | Apart
    /// Rows of queries, keys and values one after the other
    | Fused
    /// Rows head by head, each its query, key and value
    | FusedByHead

type Place =
    | Rotary
    | Learned
    | Alibi
    | NoPlace

type Mlp =
    | Gated
    | Plain
    | SquaredRelu
    | GatedByLinear
    | Mixture
    | NoMlp

/// One made-up architecture.
type Recipe =
    {
        Heads: int
        KvHeads: int
        HeadSize: int
        Extra: int
        Inner: int
        Words: int
        Layers: int
        Norm: Norm
        Residual: Residual
        Projection: Projection
        Place: Place
        Mlp: Mlp
        QkNorm: bool
        Bias: bool
        Tied: bool
        Scaled: bool
        Window: int
        Alternate: bool
        /// Dropout of everything that it may stand behind
        Drops: bool
    }

    /// The residual stream may be wider than its heads together.
    member r.Width = r.Heads * r.HeadSize + r.Extra

let simplest =
    {
        Heads = 1
        KvHeads = 1
        HeadSize = 2
        Extra = 0
        Inner = 2
        Words = 5
        Layers = 1
        Norm = Rms
        Residual = Sequential
        Projection = Apart
        Place = NoPlace
        Mlp = NoMlp
        QkNorm = false
        Bias = false
        Tied = false
        Scaled = false
        Window = 0
        Alternate = false
        Drops = false
    }

let private legal (r: Recipe) =
    { r with
        KvHeads = if r.Projection = Apart then r.KvHeads else r.Heads
        // Rotary positions turn halves of a head.
        HeadSize = r.HeadSize + r.HeadSize % 2
        // A norm right behind undoes a factor on each token: the factor's weights have no gradient but for rounding.
        Mlp =
            if r.Mlp = GatedByLinear && (r.Residual = PostNorm || r.Residual = Sandwich) then
                Gated
            else
                r.Mlp
    }

let private draw =
    gen {
        let! heads = Gen.elements [ 1; 2; 3; 4; 6; 8 ]

        let! kv =
            Gen.elements
                [
                    for k in 1..heads do
                        if heads % k = 0 then
                            k
                ]

        let! headSize = Gen.elements [ 2; 4; 6 ]
        let! extra = Gen.frequency [ 3, Gen.constant 0; 1, Gen.elements [ 1; 5 ] ]
        let! inner = Gen.elements [ 6; 8; 12; 24 ]
        let! words = Gen.elements [ 5; 17; 24; 127 ]
        let! layers = Gen.choose (1, 2)
        let! norm = Gen.elements [ Rms; RmsOffset; Layer ]
        let! residual = Gen.elements [ Sequential; Parallel; PostNorm; Sandwich ]
        let! projection = Gen.elements [ Apart; Apart; Fused; FusedByHead ]
        let! place = Gen.elements [ Rotary; Rotary; Learned; Alibi; NoPlace ]
        let! mlp = Gen.elements [ Gated; Plain; SquaredRelu; GatedByLinear; Mixture; NoMlp ]
        let! flags = Gen.listOfLength 6 (Gen.elements [ true; false ])
        // In a window of one token the softmax is one, and gradients of queries and keys are zero but for rounding.
        let! window = Gen.frequency [ 3, Gen.constant 0; 1, Gen.choose (2, 6) ]

        return
            legal
                {
                    Heads = heads
                    KvHeads = kv
                    HeadSize = headSize
                    Extra = extra
                    Inner = inner
                    Words = words
                    Layers = layers
                    Norm = norm
                    Residual = residual
                    Projection = projection
                    Place = place
                    Mlp = mlp
                    QkNorm = flags[0]
                    Bias = flags[1]
                    Tied = flags[2]
                    Scaled = flags[3]
                    Window = window
                    Alternate = flags[4]
                    Drops = flags[5]
                }
    }

/// Every recipe that is simpler in one respect.
let private simpler (r: Recipe) =
    let s = simplest

    Seq.ofList
        [
            { r with Layers = s.Layers }
            { r with Mlp = s.Mlp }
            { r with Residual = s.Residual }
            { r with Projection = s.Projection }
            { r with Place = s.Place }
            { r with Norm = s.Norm }
            { r with QkNorm = false }
            { r with Bias = false }
            { r with Tied = false }
            { r with Scaled = false }
            { r with Window = 0 }
            { r with Alternate = false }
            { r with Drops = false }
            { r with Extra = 0 }
            { r with
                Heads = max 1 (r.Heads / 2)
                KvHeads = 1
            }
            { r with KvHeads = 1 }
            { r with HeadSize = 2 }
            { r with Inner = max 2 (r.Inner / 2) }
            { r with Words = s.Words }
        ]
    |> Seq.map legal
    |> Seq.filter (fun other -> other <> r)
    |> Seq.distinct

let recipes = Arb.fromGenShrink (draw, simpler)

/// What a recipe has of what, for the printed distribution.
let features (r: Recipe) =
    [
        $"norm {r.Norm}"
        $"residual {r.Residual}"
        $"projection {r.Projection}"
        $"place {r.Place}"
        $"mlp {r.Mlp}"
        if r.KvHeads < r.Heads then
            "shared key-value heads"
        if r.QkNorm then
            "norm of queries and keys"
        if r.Bias then
            "biases"
        if r.Tied then
            "tied head"
        if r.Scaled then
            "scaled embedding"
        if r.Window > 0 then
            "window"
        if r.Alternate then
            "layers differ"
        if r.Drops then
            "dropout"
        if r.Extra > 0 then
            "width is not heads × size"
    ]
