/// Random numbers that are functions of a key and of indices: even, independent of their neighbours, the same for every cut.
module Evo.Torch.Tests.KeyedNumbers

open System
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.Given

let private range (first: int64) (count: int64) =
    torch.arange (Scalar.op_Implicit first, Scalar.op_Implicit (first + count), dtype = torch.int64)

let private identical (a: torch.Tensor) (b: torch.Tensor) =
    bitsOf (a.contiguous ()) = bitsOf (b.contiguous ())

let private numbers (words: torch.Tensor) = words.data<int64>().ToArray()

let private key = RandomKey.Of(1024UL, "random choices").At(3L).At(1L).At(2L)

/// The words of tokens from 0 and of features from 0, [tokens, features].
let private table (key: RandomKey) tokens features =
    RandomWords.At(RandomWords.Of(key, range 0L tokens).unsqueeze 1L, RandomWords.Spread(range 0L features))

/// Sum of (found - expected)^2 / expected over bins that should be filled alike.
let private chiSquare (bins: int) (found: int seq) =
    let counts = Array.zeroCreate bins
    let mutable total = 0

    for bin in found do
        counts[bin] <- counts[bin] + 1
        total <- total + 1

    let expected = float total / float bins
    counts |> Array.sumBy (fun c -> (float c - expected) ** 2.0 / expected)

/// Within five standard deviations of what even numbers give: the mean is bins - 1, the variance twice that.
let private isEven bins (found: int seq) =
    let freedom = float (bins - 1)
    let distance = abs (chiSquare bins found - freedom) / sqrt (2.0 * freedom)
    Assert.True(distance < 5.0, $"chi-square is {distance:g3} standard deviations from its mean")

[<Fact>]
let ``words are those of the definition`` () =
    use _ = torch.NewDisposeScope()
    Assert.Equal(0x39caf9ee19f6e65dUL, key.Value)

    Assert.Equal<int64[]>(
        [| 4195859704L; 256307278L; 3769504094L; 3653487331L; 1837017435L |],
        numbers (RandomWords.Of(key, torch.tensor [| 0L; 1L; 2L; 1000L; 4294967295L |]))
    )

    // The same of a key that lies in memory.
    let struct (low, high) = RandomWords.Halves key

    Assert.Equal<int64[]>(
        [| 4195859704L; 256307278L; 3769504094L; 3653487331L; 1837017435L |],
        numbers (
            RandomWords.Of(torch.tensor [| low; high |], torch.tensor [| 0L; 1L; 2L; 1000L; 4294967295L |])
        )
    )

    let seventh = RandomWords.Of(key, torch.tensor 7L)

    Assert.Equal<int64[]>(
        [| 491593621L; 539108089L; 1997377283L; 139338385L |],
        numbers (RandomWords.At(seventh, RandomWords.Spread(torch.tensor [| 0L; 1L; 2L; 1000L |])))
    )

    let third = RandomWords.At(seventh, RandomWords.Spread(torch.tensor 3L))
    let fifth = RandomWords.At(third, RandomWords.Spread(torch.tensor 5L))
    Assert.Equal(3346665942L, fifth.item<int64>())
    Assert.Equal((3346665942.0 + 0.5) / 4294967296.0, (RandomWords.Uniform fifth).item<float>())

[<Theory; InlineData(24); InlineData(12); InlineData(0)>]
let ``numbers fill their range evenly`` (shift: int) =
    use _ = torch.NewDisposeScope()

    numbers (table key 1024L 1024L)
    |> Seq.map (fun w -> int ((w >>> shift) &&& 255L))
    |> isEven 256

/// Pairs of numbers one of whose indices is the next one, 2^18 for each kind of index.
let private neighbours: (string * (unit -> int64[] * int64[])) list =
    let words (key: RandomKey) = numbers (table key 512L 512L)

    let inTable rows columns =
        let all = table key (512L + rows) (512L + columns)

        numbers (all.narrow(0L, 0L, 512L).narrow(1L, 0L, 512L).contiguous()),
        numbers (all.narrow(0L, rows, 512L).narrow(1L, columns, 512L).contiguous())

    let run = RandomKey.Of(7UL, "random choices")

    [
        "seed",
        (fun () ->
            words (run.At(5L).At(4L).At 1L), words (RandomKey.Of(8UL, "random choices").At(5L).At(4L).At 1L))
        "purpose", (fun () -> words (run.At 5L), words (RandomKey.Of(7UL, "random choicer").At 5L))
        "step", (fun () -> words (run.At(5L).At(4L).At 1L), words (run.At(6L).At(4L).At 1L))
        "block", (fun () -> words (run.At(5L).At(4L).At 1L), words (run.At(5L).At(5L).At 1L))
        "choice", (fun () -> words (run.At(5L).At(4L).At 1L), words (run.At(5L).At(4L).At 2L))
        "exchanged places", (fun () -> words (run.At(4L).At 5L), words (run.At(5L).At 4L))
        "token", (fun () -> inTable 1L 0L)
        "feature", (fun () -> inTable 0L 1L)
        "token and feature", (fun () -> inTable 1L 1L)
        "a batch further", (fun () -> inTable 256L 0L)
    ]

let kinds =
    let data = TheoryData<string>()

    for name, _ in neighbours do
        data.Add name

    data

[<Theory; MemberData(nameof kinds)>]
let ``a number says nothing of its neighbour`` (kind: string) =
    use _ = torch.NewDisposeScope()
    let a, b = (neighbours |> List.find (fun (name, _) -> name = kind) |> snd) ()

    for shift in [ 28; 13; 0 ] do
        Seq.map2 (fun x y -> int (((x >>> shift) &&& 15L) * 16L + ((y >>> shift) &&& 15L))) a b
        |> isEven 256

    // Every bit of the one differs from that of the other half of the time, within five standard deviations.
    for bit in 0..31 do
        let differ = Seq.map2 (fun x y -> float (((x ^^^ y) >>> bit) &&& 1L)) a b |> Seq.sum
        let distance = abs (differ - float a.Length / 2.0) / sqrt (float a.Length / 4.0)
        Assert.True(distance < 5.0, $"bit {bit} is {distance:g3} standard deviations off")

[<Fact>]
let ``rows of tokens are no shifts of one another`` () =
    use _ = torch.NewDisposeScope()
    let words = table key 4096L 64L |> numbers
    // 2^18 numbers of 32 bits: about eight pairs are equal by chance, and a pair of rows with a common part has many.
    Assert.InRange(words.Length - (Array.distinct words).Length, 0, 30)

/// A mask of tokens, heads and keys as attention has it.
let private mask share (tokens: torch.Tensor) (heads: torch.Tensor) =
    let rows =
        RandomWords.At(RandomWords.Of(key, tokens).unsqueeze 1L, (RandomWords.Spread heads).unsqueeze 1L)

    DropoutMask(share, rows, RandomWords.Spread tokens)

[<Fact>]
let ``a part of a tensor is dropped as in the whole`` () =
    use _ = torch.NewDisposeScope()
    let tokens = (range 0L 24L).view(2L, 12L)
    let x = torch.ones ([| 2L; 4L; 12L; 12L |], dtype = torch.float64)
    let whole = Ops.Dropout(x, mask 0.3 tokens (range 0L 4L))

    for row in 0L .. 1L do
        for head in 0L..2L..2L do
            let part = mask 0.3 (tokens.narrow (0L, row, 1L)) (range head 2L)
            let expected = whole.narrow(0L, row, 1L).narrow(1L, head, 2L)
            let found = Ops.Dropout(x.narrow(0L, row, 1L).narrow(1L, head, 2L), part)
            Assert.True(identical found expected, $"row {row}, heads from {head}")

[<Theory; InlineData(0.1); InlineData(0.5); InlineData(0.9)>]
let ``the share that is dropped is the one asked for, and the mean stays`` (share: float) =
    use _ = torch.NewDisposeScope()
    let x = torch.ones ([| 1L; 4L; 256L; 256L |], dtype = torch.float64)
    let y = Ops.Dropout(x, mask share ((range 0L 256L).view(1L, 256L)) (range 0L 4L))
    let count = 262144.0
    let deviation = sqrt (share * (1.0 - share) / count)

    Assert.InRange(
        y.eq(Scalar.op_Implicit 0.0).sum().item<int64>()
        |> float
        |> (fun n -> n / count),
        share - 5.0 * deviation,
        share + 5.0 * deviation
    )

    Assert.InRange(
        y.mean().item<float>(),
        1.0 - 5.0 * deviation / (1.0 - share),
        1.0 + 5.0 * deviation / (1.0 - share)
    )

let private types = [ torch.float64; torch.float32; torch.bfloat16 ]

[<Fact>]
let ``the kernel drops what the plain form drops, forwards and backwards`` () =
    use _ = torch.NewDisposeScope()
    use _ = torch.manual_seed 3L

    for dtype in types do
        for shape, tokens, columns in
            [
                [| 2L; 3L; 5L; 700L |], torch.arange(6L, dtype = torch.int64).view(2L, 3L), 2L
                [| 2L; 3L; 1L; 33L |], torch.arange(6L, dtype = torch.int64).view(2L, 3L), 1L
                [| 0L; 3L; 2L; 4L |], torch.zeros ([| 0L; 3L |], dtype = torch.int64), 1L
            ] do
            let rows =
                RandomWords.At(
                    (RandomWords.Of(key, tokens)).unsqueeze -1L,
                    RandomWords.Spread(range 0L shape[2])
                )

            let spread =
                RandomWords.Spread((range 0L (columns * shape[3])).view(columns, shape[3]))

            let mask = DropoutMask(0.25, rows, spread)
            let x = torch.randn(shape, dtype = torch.float64).``to`` dtype
            let slope = torch.randn(shape, dtype = torch.float64).``to`` dtype

            let run native =
                Ops.UseNative <- native

                try
                    let leaf = x.detach().requires_grad_ true
                    let y = Ops.Dropout(leaf, mask)
                    (y * slope).sum().backward()
                    y.detach (), nonNull leaf.grad
                finally
                    Ops.UseNative <- true

            let y, dx = run true
            let plainY, plainDx = run false
            Assert.True(identical y plainY, $"{dtype}")
            Assert.True(identical dx plainDx, $"{dtype}, backwards")

[<Fact>]
let ``what is dropped is gone, whatever it was`` () =
    use _ = torch.NewDisposeScope()

    let x =
        torch.full ([| 1L; 8L; 64L |], Scalar.op_Implicit nan, dtype = torch.float64)

    let rows = RandomWords.Of(key, (range 0L 8L).view(1L, 8L))
    let mask = DropoutMask(0.5, rows, (RandomWords.Spread(range 0L 64L)).unsqueeze 0L)
    Assert.True(identical ((Ops.Dropout(x, mask)).isnan().logical_not()) (mask.Dropped()))

[<Fact>]
let ``words that do not fit are refused`` () =
    use _ = torch.NewDisposeScope()
    let rows = RandomWords.Of(key, (range 0L 8L).view(1L, 8L))

    let error =
        Assert.Throws<TorchException>(fun () ->
            Ops.Dropout(torch.ones ([| 1L; 8L; 64L |]), DropoutMask(0.5, rows, (range 0L 63L).unsqueeze 0L))
            |> ignore)

    Assert.Contains("evo::dropout: x [1, 8, 64], rows [1, 8], columns [1, 63]", error.Message)
