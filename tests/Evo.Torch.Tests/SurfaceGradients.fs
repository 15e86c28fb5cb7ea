/// Gradients against finite differences, and norms, activations and losses against golden figures.
module Evo.Torch.Tests.SurfaceGradients

open System
open FsCheck
open FsCheck.FSharp
open Xunit
open TorchSharp

let private s (x: float) = Scalar.op_Implicit x

let private values (t: torch.Tensor) =
    t.to_type(torch.float64).contiguous().detach().data<float>().ToArray()

let private filled (shape: int64 list) (seed: int) =
    let random = Random seed
    let count = List.fold (*) 1L shape |> int

    torch.tensor(Array.init count (fun _ -> random.NextDouble() * 4.0 - 2.0)).reshape(Array.ofList shape)

/// Smooth operators with one input, and with two of the same shape.
let private ones: (string * (torch.Tensor -> torch.Tensor)) list =
    [
        "tanh", _.tanh()
        "sigmoid", _.sigmoid()
        "gelu", _.gelu()
        "silu", _.silu()
        "softplus", _.softplus()
        "exp of half", (fun x -> (x * 0.5).exp())
        "square", _.square()
        "log of 5 + x", (fun x -> (x + 5.0).log())
        "softmax", _.softmax(-1L)
        "log_softmax", _.log_softmax(-1L)
        "layer_norm", (fun x -> torch.nn.functional.layer_norm (x, [| x.shape[x.shape.Length - 1] |]))
        "cumsum", _.cumsum(-1L)
        "transposed twice", (fun x -> x.transpose(0L, 1L).contiguous().transpose(0L, 1L))
        "index",
        (fun x ->
            x[torch.TensorIndex.Ellipsis, torch.TensorIndex.Slice(Nullable 0L, Nullable(), Nullable 1L)])
        "mean and back", (fun x -> x - x.mean ([| -1L |], true))
        "clamped", (fun x -> x.clamp (s -50.0, s 50.0))
        "sqrt of 5 + x", (fun x -> (x + 5.0).sqrt())
        "reciprocal of 5 + x", (fun x -> 1.0 / (x + 5.0))
    ]

let private twos: (string * (torch.Tensor -> torch.Tensor -> torch.Tensor)) list =
    [
        "+", (fun x y -> x + y)
        "-", (fun x y -> x - y)
        "*", (fun x y -> x * y)
        "/", (fun x y -> x / (y * y + 1.0))
        "matmul", (fun x y -> x.matmul (y.t ()) |> fun m -> m.matmul y)
        "where", (fun x y -> x.where (torch.Tensor.op_GreaterThan (x.detach (), s 0.0), y))
        "cat", (fun x y -> torch.cat([| x; y |], 0L).narrow(0L, 1L, x.shape[0]))
        "addcmul", (fun x y -> x.addcmul (x, y, s 0.5))
        "lerp", (fun x y -> x.lerp (y, torch.tensor 0.3))
    ]

/// A composition: each step takes the values at hand and adds one.
let private compositions =
    gen {
        let! steps =
            Gen.choose (1, 5)
            |> Gen.map (fun n -> [ 1..n ])
            |> Gen.map (List.map (fun i -> i))

        let! choices =
            Gen.choose (0, ones.Length + twos.Length - 1) |> Gen.listOfLength steps.Length

        let! sources = Gen.two (Gen.choose (0, 99)) |> Gen.listOfLength steps.Length
        let! rows = Gen.choose (1, 3)
        let! columns = Gen.choose (2, 3)
        let! seed = Gen.choose (0, 100000)
        return List.zip choices sources, int64 rows, int64 columns, seed
    }

let private compute steps (inputs: torch.Tensor list) =
    let values =
        List.fold
            (fun (values: torch.Tensor list) (choice, (i, j)) ->
                let x, y = values[i % values.Length], values[j % values.Length]

                let next =
                    if choice < ones.Length then
                        snd ones[choice] x
                    else
                        snd twos[choice - ones.Length] x y

                next :: values)
            inputs
            steps

    (values.Head
     * torch.arange(s 1.0, s (float (values.Head.numel ()) + 1.0)).to_type(torch.float64).view_as values.Head)
        .sum()

[<Fact>]
let ``gradients of compositions are finite differences`` () =
    Prop.forAll (Arb.fromGen compositions) (fun (steps, rows, columns, seed) ->
        use scope = torch.NewDisposeScope()

        let inputs =
            [
                for i in 0..1 -> (filled [ rows; columns ] (seed + i) * 0.5).detach().requires_grad_()
            ]

        (compute steps inputs).backward()

        for input in inputs do
            let gradient =
                match input.grad with
                | null -> Array.zeroCreate (int (input.numel ()))
                | g -> values g

            let numbers = input.detach().data<float>()

            for at in 0L .. input.numel () - 1L do
                let place = [| at / columns; at % columns |]
                let start = numbers[place]
                let h = 1e-6

                let value (x: float) =
                    numbers[place] <- x
                    use _ = torch.no_grad ()
                    (compute steps inputs).ToDouble()

                let slope = (value (start + h) - value (start - h)) / (2.0 * h)
                numbers[place] <- start
                let found = gradient[int at]

                Assert.True(
                    abs (slope - found) <= 1e-5 * (1.0 + abs slope),
                    $"{found} where differences give {slope}"
                ))
    |> fun p -> Check.One(Config.QuickThrowOnFailure.WithMaxTest 120, p)

[<Fact>]
let ``norms and activations and their gradients are the golden ones`` () =
    let golden = Golden.tensors "components/norms_activations.safetensors"
    let wide name = golden[name].to_type(torch.float64)

    let near (name: string) (t: torch.Tensor) =
        let expected = wide name
        let error = t.detach().sub(expected).abs().max().ToDouble()
        // The figures were rounded to float32.
        Assert.True(error <= 1.5e-7 * (1.0 + expected.abs().max().ToDouble()), $"{name}: {error}")

    let activations: (string * (torch.Tensor -> torch.Tensor)) list =
        [
            "gelu", _.gelu()
            "gelu_pytorch_tanh", (fun x -> torch.nn.functional.gelu (x, Modules.GELU.Approximate.tanh))
            "silu", (fun x -> torch.nn.functional.silu x)
            "relu", (fun x -> torch.nn.functional.relu x)
        ]

    for name, f in activations do
        let x = (wide "x").requires_grad_()
        let y = f x
        near $"{name}.y" y
        y.backward [| wide "dy" |]
        near $"{name}.dx" (nonNull x.grad)

    let x, weight, bias =
        (wide "x").requires_grad_(), (wide "weight").requires_grad_(), (wide "bias").requires_grad_()

    let y = torch.nn.functional.layer_norm (x, [| 32L |], weight, bias)
    near "layernorm.y" y
    y.backward [| wide "dy" |]
    near "layernorm.dx" (nonNull x.grad)
    near "layernorm.dweight" (nonNull weight.grad)
    near "layernorm.dbias" (nonNull bias.grad)

[<Fact>]
let ``cross entropy with and without smoothing is the golden one`` () =
    let golden = Golden.tensors "components/cross_entropy.safetensors"

    for smoothing, key in [ 0.0, "smoothing_0.0"; 0.1, "smoothing_0.1" ] do
        let logits = golden["logits"].to_type(torch.float64).requires_grad_()

        let loss reduction =
            torch.nn.functional.cross_entropy (
                logits,
                golden["targets"],
                reduction = reduction,
                label_smoothing = smoothing
            )

        let mean = loss torch.nn.Reduction.Mean
        mean.backward ()

        let near (name: string) (t: torch.Tensor) =
            let expected = golden[$"{key}.{name}"].to_type(torch.float64)
            let error = t.detach().sub(expected).abs().max().ToDouble()
            Assert.True(error <= 1.5e-7 * (1.0 + expected.abs().max().ToDouble()), $"{key}.{name}: {error}")

        near "mean" mean
        near "per_token" (loss torch.nn.Reduction.None)
        near "grad" (nonNull logits.grad)
