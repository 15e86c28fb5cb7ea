/// Optimizers against figures of PyTorch, and their state through files.
module Evo.Torch.Tests.SurfaceOptimizers

open System
open System.IO
open System.Text.Json
open Xunit
open TorchSharp
open TorchSharp.Modules

let private parameter (values: float list) =
    new Parameter(torch.tensor (Array.ofList values))

/// Five steps on sin(x² · (1, 2, 3)) from (1, -2, 3) in float64, with PyTorch 1.13.1.
let private recorded: (string * (Parameter list -> torch.optim.Optimizer) * float list) list =
    [
        "SGD",
        (fun p -> torch.optim.SGD(p, 0.1, 0.9, weight_decay = 0.01)),
        [ -0.3350471285997128; -6.036666469652947; -2.6350399778996048 ]
        "SGD, Nesterov",
        (fun p -> torch.optim.SGD(p, 0.1, 0.9, nesterov = true)),
        [ -0.3372577973578724; -7.226259351438712; -2.536719672194277 ]
        "Adam",
        (fun p -> torch.optim.Adam(p, 0.05, weight_decay = 0.1)),
        [ 0.7492811561315119; -2.233732182020608; 3.206968189591079 ]
        "Adam, amsgrad",
        (fun p -> torch.optim.Adam(p, 0.05, amsgrad = true)),
        [ 0.7491988871169785; -2.2354354284855225; 3.2082021643842467 ]
        "AdamW",
        (fun p -> torch.optim.AdamW(p, 0.05, weight_decay = 0.1)),
        [ 0.7269447106157153; -2.1849636955295377; 3.1624383250722725 ]
        "AdamW, maximize",
        (fun p -> torch.optim.AdamW(p, 0.05, maximize = true)),
        [ 1.2407955514874243; -2.0006436461614037; 3.0026678138020713 ]
    ]

let names () =
    recorded |> Seq.map (fun (name, _, _) -> TheoryDataRow<string> name)

let private step (optimizer: torch.optim.Optimizer) (x: Parameter) =
    use scope = torch.NewDisposeScope()
    optimizer.zero_grad ()
    x.pow(Scalar.op_Implicit 2).mul(torch.tensor [| 1.0; 2.0; 3.0 |]).sin().sum().backward()
    optimizer.step () |> ignore

[<Theory; MemberData(nameof names)>]
let ``five steps are PyTorch's`` (name: string) =
    let _, make, figures = recorded |> List.find (fun (n, _, _) -> n = name)
    let x = parameter [ 1.0; -2.0; 3.0 ]
    use optimizer = make [ x ]

    for _ in 1..5 do
        step optimizer x

    let numbers = x.detach().data<float>().ToArray()

    for figure, number in Seq.zip figures numbers do
        Assert.True(abs (figure - number) <= 1e-12, $"{number} where PyTorch has {figure}")

[<Fact>]
let ``AdamW follows the golden figures of ten steps`` () =
    let golden = Golden.tensors "components/adamw.safetensors"
    use json = JsonDocument.Parse(Golden.text "components/adamw.json")
    let sets = json.RootElement.GetProperty("sets").EnumerateArray() |> List.ofSeq

    for set, options in List.indexed sets do
        let number (key: string) = options.GetProperty(key).GetDouble()

        let betas =
            options.GetProperty("betas").EnumerateArray()
            |> Seq.map _.GetDouble()
            |> Array.ofSeq

        let rates =
            options.GetProperty("lr_per_step").EnumerateArray()
            |> Seq.map _.GetDouble()
            |> Array.ofSeq

        let parameters =
            [
                for j in 0..1 -> new Parameter(golden[$"set{set}.param{j}.init"].to_type(torch.float64))
            ]

        use optimizer =
            torch.optim.AdamW(
                parameters,
                number "lr",
                betas[0],
                betas[1],
                number "eps",
                number "weight_decay"
            )

        for s in 0 .. rates.Length - 1 do
            for group in optimizer.ParamGroups do
                group.LearningRate <- rates[s]

            for j, p in List.indexed parameters do
                p.grad <- golden[$"set{set}.param{j}.grad.{s}"].to_type(torch.float64)

            optimizer.step () |> ignore

            for j, p in List.indexed parameters do
                let after = golden[$"set{set}.param{j}.step.{s}"].to_type(torch.float64)
                let error = p.detach().sub(after).abs().max().ToDouble()
                // The figures were rounded to float32.
                Assert.True(error < 2e-7, $"set {set}, step {s}, parameter {j}: {error}")

let private twice
    (make: Parameter list -> OptimizerHelper)
    (carry: OptimizerHelper -> OptimizerHelper -> unit)
    =
    let x = parameter [ 1.0; -2.0; 3.0 ]
    use first = make [ x ]

    for _ in 1..3 do
        step first x

    let y = new Parameter(x.detach().clone())
    use second = make [ y ]
    carry first second

    for _ in 1..3 do
        step first x
        step second y

    Assert.Equal<float[]>(x.detach().data<float>().ToArray(), y.detach().data<float>().ToArray())

let private makers: (string * (Parameter list -> OptimizerHelper)) list =
    [
        "SGD", (fun p -> torch.optim.SGD(p, 0.1, 0.9))
        "Adam", (fun p -> torch.optim.Adam(p, 0.05, amsgrad = true))
        "AdamW", (fun p -> torch.optim.AdamW(p, 0.05, weight_decay = 0.1))
    ]

let kinds () =
    makers |> Seq.map (fst >> TheoryDataRow<string>)

[<Theory; MemberData(nameof kinds)>]
let ``an optimizer read from a file goes on where the first one was`` (kind: string) =
    twice (makers |> List.find (fst >> (=) kind) |> snd) (fun first second ->
        use memory = new MemoryStream()
        use writer = new BinaryWriter(memory)
        first.save_state_dict writer
        memory.Position <- 0L
        use reader = new BinaryReader(memory)
        second.load_state_dict reader)

[<Theory; MemberData(nameof kinds)>]
let ``an optimizer with another's state dict goes on where that one was`` (kind: string) =
    twice (makers |> List.find (fst >> (=) kind) |> snd) (fun first second ->
        second.load_state_dict (first.state_dict ()))

[<Fact>]
let ``the state of another optimizer is refused by name`` () =
    use adam = torch.optim.Adam([ parameter [ 1.0 ] ])
    use sgd = torch.optim.SGD([ parameter [ 1.0 ] ], 0.1)
    use memory = new MemoryStream()
    use writer = new BinaryWriter(memory)
    adam.save_state_dict writer
    memory.Position <- 0L
    use reader = new BinaryReader(memory)

    let error =
        Assert.Throws<InvalidDataException>(fun () -> sgd.load_state_dict reader)

    Assert.Contains("'Adam'", error.Message)
    Assert.Contains("'SGD'", error.Message)

[<Fact>]
let ``groups keep options of their own and take the rest from the optimizer`` () =
    let a, b = parameter [ 1.0 ], parameter [ 1.0 ]

    use optimizer =
        new AdamW(
            [
                AdamW.ParamGroup([ a ], weight_decay = 0.5)
                AdamW.ParamGroup(Parameters = [ b ])
            ],
            lr = 0.1,
            weight_decay = 0.0
        )

    for p in [ a; b ] do
        p.grad <- torch.zeros_like p

    optimizer.step () |> ignore
    // The group made with a constructor has that constructor's rate, 0.001.
    Assert.Equal(1.0 - 0.001 * 0.5, a.item<float>(), 15)
    Assert.Equal(1.0, b.item<float>())
    Assert.Equal<float list>([ 0.001; 0.1 ], [ for g in optimizer.ParamGroups -> g.LearningRate ])

[<Fact>]
let ``a parameter given twice is refused`` () =
    let p = parameter [ 1.0 ]

    Assert.Throws<ArgumentException>(fun () -> torch.optim.SGD([ p; p ], 0.1) |> ignore)
    |> ignore

[<Fact>]
let ``clipping scales all gradients to one common norm`` () =
    let a, b = parameter [ 0.0; 0.0 ], parameter [ 0.0 ]

    let first (gradient: torch.Tensor | null) =
        (nonNull gradient).data<float>().ToArray()[0]

    a.grad <- torch.tensor [| 3.0; 0.0 |]
    b.grad <- torch.tensor [| 4.0 |]
    Assert.Equal(5.0, torch.nn.utils.clip_grad_norm_ ([ a; b ], 1.0), 12)
    Assert.Equal(0.6, first a.grad, 6)
    Assert.Equal(0.8, first b.grad, 6)
    Assert.Equal(1.0, torch.nn.utils.clip_grad_norm_ ([ a; b ], 2.0), 6)
    Assert.Equal(0.6, first a.grad, 6)
    torch.nn.utils.clip_grad_value_ ([ a; b ], 0.7)
    Assert.Equal(0.7, first b.grad, 12)
