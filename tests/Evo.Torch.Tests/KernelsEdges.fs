/// Examples at the edges of the kernels: nothing to do, one token at a time, borders, wrong arguments, what is refused.
namespace Evo.Torch.Tests

open System
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases
open Evo.Torch.Tests.KernelsAgreement

[<Collection("kernels")>]
type ``A kernel``() =

    static let float64 = torch.ScalarType.Float64

    static let attention (q: Tensor) (k: Tensor) (v: Tensor) = Ops.CausalAttention(q, k, v, 0.25)

    [<Fact>]
    member _.``takes tensors without elements``() =
        for native in [ true; false ] do
            withNative native (fun () ->
                let weight = (seeded 1 [ 6 ]).requires_grad_()
                let nothing = torch.zeros ([| 0L; 6L |], float64)
                Assert.Equal<int64[]>([| 0L; 6L |], Ops.RmsNorm(nothing, weight, 1e-5).shape)
                Assert.Equal<int64[]>([| 0L; 6L |], Ops.SiluMul(nothing, nothing).shape)
                Assert.Equal<int64[]>([| 0L; 3L |], Ops.Linear(nothing, seeded 2 [ 3; 6 ]).shape)
                let q = torch.zeros ([| 0L; 3L; 2L; 4L |], float64)
                Assert.Equal<int64[]>([| 0L; 3L; 2L; 4L |], (attention q q q).shape)

                Assert.Equal<int64[]>(
                    [| 0L; 3L; 2L; 4L |],
                    Ops
                        .Rope(
                            q,
                            torch.zeros ([| 1L; 3L; 4L |], float64),
                            torch.zeros ([| 1L; 3L; 4L |], float64)
                        )
                        .shape
                )

                let head = (seeded 3 [ 5; 6 ]).requires_grad_()
                let labels = torch.zeros ([| 0L |], torch.ScalarType.Int64)
                let struct (loss, count, _, _) = Ops.LinearCrossEntropy(nothing, head, labels)
                loss.backward ()
                Assert.Equal(0.0, loss.item<double>())
                Assert.Equal(0L, count.item<int64>())
                Assert.Equal(0.0, (gradientOf head).abs().sum().item<double>())
                Assert.Equal(0.0, Ops.GlobalNormSquared(torch.zeros ([| 0L |])).item<double>()))

    [<Fact>]
    member _.``of a head of unit rows ignores their lengths``() =
        let weight, x = seeded 1 [ 7; 5 ], seeded 2 [ 3; 5 ]
        let unit = Ops.UnitRows weight
        near 1e-12 (unit.square().sum(1L)) (torch.ones (7L, float64))
        let factors = (seeded 3 [ 7; 1 ]).abs() + Scalar.op_Implicit 0.1
        near 1e-12 (Ops.Linear(x, Ops.UnitRows(weight * factors))) (Ops.Linear(x, unit))
        Assert.Equal(0.0, Ops.UnitRows(torch.zeros ([| 2L; 3L |], float64)).abs().sum().item<double>())

    [<Fact>]
    member _.``of the loss counts the labels that are not ignored, and gives the ignored no gradient``() =
        let logits = (seeded 1 [ 4; 7 ]).requires_grad_()
        let labels = torch.tensor ([| 3L; -100L; 0L; -100L |])
        let struct (loss, count, _, _) = Ops.CrossEntropy(logits, labels, 0.1)
        loss.backward ()
        Assert.Equal(2L, count.item<int64>())
        Assert.Equal(0.0, (gradientOf logits).narrow(0, 1, 1).abs().sum().item<double>())
        // The gradient of a counted row sums to nothing: shifting all logits does not change the loss.
        Assert.InRange((gradientOf logits).sum(1L).abs().max().item<double>(), 0.0, 1e-14)

    [<Fact>]
    member _.``of the loss adds z times the squared logarithm of each counted denominator, and says how much that is``
        ()
        =
        let labels = torch.tensor [| 3L; -100L; 0L; 5L |]

        let counted =
            torch.tensor([| 1.0; 0.0; 1.0; 1.0 |], dtype = Nullable float64).unsqueeze 1L

        let scalar (x: float) = Scalar.op_Implicit x
        let identity = torch.eye (7L, dtype = Nullable float64)

        for form in
            [
                fun (x: Tensor) smoothing z -> Ops.CrossEntropy(x, labels, smoothing, z)
                fun x smoothing z -> Ops.LinearCrossEntropy(x, identity, labels, smoothing, z)
            ] do
            for native in [ true; false ] do
                for smoothing in [ 0.0; 0.1 ] do
                    let at z =
                        withNative native (fun () ->
                            let logits = (seeded 1 [ 4; 7 ]).mul(scalar 3.0).requires_grad_()
                            let struct (sum, _, _, zSum) = form logits smoothing z
                            sum.backward ()
                            Assert.False zSum.requires_grad
                            logits.detach (), sum.item<double>(), zSum.item<double>(), gradientOf logits)

                    let logits, without, nothing, gradient = at 0.0
                    Assert.Equal(0.0, nothing)
                    let logZ = logits.exp().sum(1L, keepdim = true).log()

                    for z in [ 0.02; 3.0 ] do
                        let _, sum, zSum, withZ = at z
                        let added = (logZ.square () * counted).sum().item<double>() * z
                        Assert.InRange(abs (zSum - added), 0.0, 1e-12 * added)
                        Assert.InRange(abs (sum - without - zSum), 0.0, 1e-12 * sum)
                        let pull = (logits - logZ).exp() * logZ * counted * scalar (2.0 * z)
                        near 1e-12 withZ (gradient + pull)

    [<Fact>]
    member _.``of the loss calls a label right that no other logit is above``() =
        for dtype in [ torch.float64; torch.float32; torch.bfloat16 ] do
            // Whole numbers, so that there are equals at the top.
            let logits = (seeded 1 [ 60; 9 ]).mul(Scalar.op_Implicit 2.0).round().``to`` dtype

            let labels = torch.randint (0L, 9L, [| 60L |], dtype = torch.int64)
            labels[3L] <- torch.tensor -100L
            let values = logits.to_type(float64).data<double>().ToArray() |> Array.chunkBySize 9

            let expected =
                Seq.zip values (labels.data<int64>().ToArray())
                |> Seq.filter (fun (row, label) -> label >= 0L && row[int label] = Array.max row)
                |> Seq.length
                |> int64

            Assert.InRange(expected, 3L, 57L)
            let identity = (torch.eye 9L).``to`` dtype

            for learns in [ false; true ] do
                let x = logits.detach().clone().requires_grad_ learns

                for native in [ true; false ] do
                    let one, whole =
                        withNative native (fun () ->
                            let struct (_, _, one, _) = Ops.CrossEntropy(x, labels, 0.1)
                            let struct (_, _, whole, _) = Ops.LinearCrossEntropy(x, identity, labels)
                            one, whole)

                    Assert.Equal((expected, expected), (one.item<int64>(), whole.item<int64>()))
                    Assert.False one.requires_grad

    [<Fact>]
    member _.``of AdamW steps as PyTorch's does, and writes the copy``() =
        for count in [ 1; 31; 70_001 ] do
            let start, gradient = seeded 1 [ count ], seeded 2 [ count ]

            let after native (dtype: torch.ScalarType) =
                withNative native (fun () ->
                    let master = start.to_type(dtype).clone()
                    let mean, square = torch.zeros_like master, torch.zeros_like master
                    let copy = torch.zeros_like (master, Nullable torch.ScalarType.BFloat16)

                    for step in 1L .. 3L do
                        Ops.AdamW(
                            master,
                            gradient.to_type dtype,
                            mean,
                            square,
                            1e-2,
                            0.9,
                            0.95,
                            1e-8,
                            0.1,
                            step,
                            0.5,
                            copy
                        )

                    Assert.True(same copy (master.to_type torch.ScalarType.BFloat16))
                    [| master; mean; square |])

            Array.iter2 (near 1e-15) (after true float64) (after false float64)
            Array.iter2 (near 1e-6) (after true torch.ScalarType.Float32) (after false float64)

    [<Fact>]
    member _.``of AdamW moves a single parameter by the learning rate on its first step``() =
        let one (value: float) =
            torch.tensor ([| value |], dtype = Nullable float64)

        let master = one 1.0
        Ops.AdamW(master, one 0.3, one 0.0, one 0.0, 0.01, 0.9, 0.999, 0.0, 0.0, 1L, 1.0, null)
        Assert.Equal(0.99, master.item<double>(), 15)

    [<Fact>]
    member _.``of the global norm adds in float64 and shows what is not finite``() =
        let native, plain =
            both (fun () -> Ops.GlobalNormSquared((seeded 1 [ 200_003 ]).to_type torch.ScalarType.Float32))

        Assert.Equal(torch.ScalarType.Float64, native.dtype)
        near 1e-13 native plain
        let broken = torch.ones [| 100_000L |]
        broken.narrow(0, 99_999, 1).fill_(Scalar.op_Implicit Single.NaN) |> ignore
        Assert.True(Double.IsNaN(Ops.GlobalNormSquared(broken).item<double>()))

    [<Fact>]
    member _.``names the operator and the shapes when they do not meet``() =
        let said (words: string list) (f: unit -> Tensor) =
            let error = Assert.ThrowsAny<Exception>(fun () -> f () |> ignore)

            for word in words do
                Assert.Contains(word, error.Message)

        let x = seeded 1 [ 2; 3 ]
        said [ "evo::rms_norm"; "[2, 3]"; "[4]" ] (fun () -> Ops.RmsNorm(x, seeded 2 [ 4 ], 1e-5))
        said [ "evo::gated"; "[2, 3]"; "[3, 2]" ] (fun () -> Ops.SiluMul(x, seeded 2 [ 3; 2 ]))
        said [ "evo::linear"; "[2, 3]"; "[5, 4]" ] (fun () -> Ops.Linear(x, seeded 2 [ 5; 4 ]))

        said [ "evo::embedding"; "id 7"; "5 rows" ] (fun () ->
            Ops.Embedding(torch.tensor ([| 7L |]), seeded 2 [ 5; 4 ]))

        said [ "label 9"; "-100" ] (fun () ->
            let struct (loss, _, _, _) = Ops.CrossEntropy(x, torch.tensor ([| 9L; 0L |])) in loss)

        for z in [ -0.5; Double.NaN; Double.PositiveInfinity ] do
            for native in [ true; false ] do
                said [ "z_loss = "; "finite" ] (fun () ->
                    withNative native (fun () ->
                        let struct (loss, _, _, _) = Ops.CrossEntropy(x, torch.tensor [| 1L; 0L |], 0.0, z)
                        loss))

        said [ "alibiSlopes [3]"; "2 query heads" ] (fun () ->
            let q = seeded 1 [ 1; 4; 2; 4 ]

            Ops.CausalAttention(q, q, q, 0.25, alibiSlopes = torch.ones ([| 3L |], float64)))

        said [ "drop_rows"; "[B, H, T]"; "q [1, 4, 2, 4]" ] (fun () ->
            let q = seeded 1 [ 1; 4; 2; 4 ]

            let words (shape: int64[]) =
                torch.zeros (shape, torch.ScalarType.Int64)

            Ops.CausalAttention(
                q,
                q,
                q,
                0.25,
                dropout = DropoutMask(0.5, words [| 1L; 2L; 3L |], words [| 1L; 4L |])
            ))

        said [ "CausalAttention"; "multiple of K" ] (fun () ->
            attention (seeded 1 [ 1; 2; 3; 4 ]) (seeded 1 [ 1; 2; 2; 4 ]) (seeded 1 [ 1; 2; 2; 4 ]))

        said [ "gelu_new"; "relu"; "\"mish\"" ] (fun () -> Ops.Activation("mish", x))

    [<Fact>]
    member _.``refuses a second derivative instead of giving a wrong one``() =
        let gate, up = (seeded 1 [ 5 ]).requires_grad_(), (seeded 2 [ 5 ]).requires_grad_()

        let twice () =
            let y = Ops.SiluMul(gate, up).sum()
            torch.autograd.grad ([| y |], [| gate |], create_graph = true) |> ignore

        let error = Assert.ThrowsAny<Exception>(fun () -> withNative true twice)
        Assert.Contains("UseNative", error.Message)
        withNative false twice

    [<Fact>]
    member _.``is not asked where it does not apply``() =
        // float16 has no kernel and takes the plain form.
        let x = (seeded 1 [ 2; 4 ]).to_type torch.ScalarType.Float32
        let weight = torch.ones [| 4L |]
        let mixed = Ops.RmsNorm(x.to_type torch.ScalarType.BFloat16, weight, 1e-5)
        Assert.Equal(torch.ScalarType.BFloat16, mixed.dtype)

    [<Fact>]
    member _.``of an activation is what its name says``() =
        let x = seeded 1 [ 100 ]

        let scalar (f: double -> double) =
            x.data<double>().ToArray()
            |> Array.map f
            |> fun y -> torch.tensor (y, dtype = Nullable float64)

        near 1e-14 (Ops.Activation("swish", x)) (scalar (fun v -> v / (1.0 + exp -v)))
        near 1e-14 (Ops.Activation("relu", x)) (scalar (max 0.0))

        let tanh v =
            v / 2.0 * (1.0 + Math.Tanh(sqrt (2.0 / Math.PI) * (v + 0.044715 * v * v * v)))

        near 1e-14 (Ops.Activation("gelu_new", x)) (scalar tanh)
        // The exact form differs from the tanh form by up to 5e-4.
        Assert.InRange(difference (Ops.Activation("gelu", x)) (scalar tanh), 1e-5, 1e-3)

    [<Fact>]
    member _.``of LayerNorm gives rows of no mean and unit variance, then weight and bias``() =
        let x, weight, bias = seeded 1 [ 9; 40 ], seeded 2 [ 40 ], seeded 3 [ 40 ]
        let unit = Ops.LayerNorm(x, torch.ones_like weight, null, 0.0)
        Assert.InRange(largest (unit.mean [| -1L |]), 0.0, 1e-14)
        Assert.InRange(largest (unit.square().mean [| -1L |] - Scalar.op_Implicit 1.0), 0.0, 1e-14)
        near 1e-14 (Ops.LayerNorm(x, weight, bias, 0.0)) (unit * weight + bias)

    [<Fact>]
    member _.``of AdamW is noticed by a graph that still needs the old weights``() =
        let weight = (seeded 1 [ 3; 3 ]).requires_grad_()
        let y = Ops.SiluMul(weight, weight).sum()
        let flat = weight.detach ()
        let zero () = torch.zeros_like flat
        Ops.AdamW(flat, zero (), zero (), zero (), 0.1, 0.9, 0.99, 1e-8, 0.1, 1L, 1.0, null)
        let error = Assert.ThrowsAny<Exception>(fun () -> y.backward ())
        Assert.Contains("modified by an inplace operation", error.Message)

    [<Fact>]
    member _.``of the head's loss gives a gradient to whom it is due``() =
        let labels = torch.tensor [| 1L; 0L; -100L |]

        for hiddenLearns, headLearns in [ (true, false); (false, true) ] do
            let hidden = (seeded 1 [ 3; 4 ]).requires_grad_ hiddenLearns
            let head = (seeded 2 [ 5; 4 ]).requires_grad_ headLearns
            let struct (loss, _, _, _) = Ops.LinearCrossEntropy(hidden, head, labels)
            loss.backward ()
            Assert.Equal(hiddenLearns, not (isNull hidden.grad))
            Assert.Equal(headLearns, not (isNull head.grad))
