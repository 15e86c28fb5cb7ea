/// Modules: names, identity, modes, hooks, state dicts and files.
module Evo.Torch.Tests.SurfaceModules

open System
open System.Collections.Generic
open System.IO
open FsCheck
open FsCheck.FSharp
open Xunit
open TorchSharp
open TorchSharp.Modules

type private Net = torch.nn.Module<torch.Tensor, torch.Tensor>

let private net () =
    torch.nn.Sequential(
        struct ("first", torch.nn.Linear(3L, 4L) :> Net),
        struct ("act", torch.nn.ReLU() :> Net),
        struct ("inner", torch.nn.Sequential(torch.nn.LayerNorm 4L :> Net, torch.nn.Dropout 0.5 :> Net) :> Net),
        struct ("last", torch.nn.Linear(4L, 2L, hasBias = false) :> Net)
    )

/// A module with an embedding whose weight is also its output matrix, a buffer, and one that is not saved.
type Tied() as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("Tied")
    let words = torch.nn.Embedding(5L, 3L)
    let head = torch.nn.Linear(3L, 5L, hasBias = false)

    do
        head.weight <- words.weight
        this.register_module ("words", words)
        this.register_module ("head", head)
        this.register_buffer ("steps", torch.zeros (1L))
        this.register_buffer ("cache", torch.ones (2L), false)

    member _.Words = words
    member _.Head = head
    override _.forward(ids) = head.call (words.call ids)

let private names (pairs: seq<struct (string * 'a)>) =
    [ for struct (name, _) in pairs -> name ]

[<Fact>]
let ``names are dotted paths, own parameters before those below`` () =
    use m = net ()

    Assert.Equal<string list>(
        [
            "first.weight"
            "first.bias"
            "inner.0.weight"
            "inner.0.bias"
            "last.weight"
        ],
        names (m.named_parameters ())
    )

    Assert.Equal<string list>([ "first"; "act"; "inner"; "last" ], names (m.named_children ()))

    Assert.Equal<string list>(
        [ "first"; "act"; "inner"; "last"; "inner.0"; "inner.1" ],
        names (m.named_modules ())
    )

    Assert.True(m.has_parameter "inner.0.bias")
    Assert.False(m.has_parameter "inner.1.bias")
    Assert.Same(Seq.head (m.parameters ()), m.get_parameter "first.weight")
    Assert.Null(m.get_parameter "nowhere.weight")

[<Fact>]
let ``a tied weight is one parameter with two names in the state dict`` () =
    use m = new Tied()
    Assert.Equal<string list>([ "words.weight" ], names (m.named_parameters ()))
    let state = m.state_dict ()

    Assert.Equal<string list>(
        [ "head.weight"; "steps"; "words.weight" ],
        state.Keys |> Seq.sort |> List.ofSeq
    )

    Assert.Same(state["words.weight"], state["head.weight"])
    use ids = torch.tensor [| 1L; 2L |]
    m.call(ids).sum().backward()
    let before = nonNull m.Words.weight.grad
    // One gradient: the sum of both uses, so no row is zero.
    Assert.True(before.abs().sum(1L).gt(Scalar.op_Implicit 0.0).all().ToBoolean())
    m.``to`` (torch.float64) |> ignore
    Assert.Same(m.Words.weight, m.Head.weight)
    Assert.Equal(torch.float64, m.Head.weight.dtype)

[<Fact>]
let ``moving a module keeps parameters, gradients and optimizers`` () =
    // Drawn anew at each run, dropout and ReLU together now and then leave the first layer without any gradient.
    torch.manual_seed 1L |> ignore
    use m = net ()
    let parameters = List.ofSeq (m.parameters ())
    use x = torch.randn (2L, 3L)
    m.call(x).sum().backward()
    use optimizer = torch.optim.SGD(m.parameters (), 0.1)
    let moved = m.``double`` ()
    Assert.Same(m, moved)

    for before, after in Seq.zip parameters (m.parameters ()) do
        Assert.Same(before, after)
        Assert.Equal(torch.float64, after.dtype)
        Assert.True(after.requires_grad && after.is_leaf)
        Assert.Equal(torch.float64, (nonNull after.grad).dtype)

    let first = parameters.Head.detach().clone()
    optimizer.step () |> ignore
    Assert.False(parameters.Head.detach().equal(first).all().ToBoolean())

    Assert.Throws<ArgumentException>(fun () -> m.``to`` (torch.int64) |> ignore)
    |> ignore

[<Fact>]
let ``training mode reaches everything below`` () =
    use m = net ()
    Assert.True(m.training && m.modules () |> Seq.forall _.training)
    m.eval ()
    Assert.False(m.training || m.modules () |> Seq.exists _.training)
    use x = torch.ones (4L, 3L)
    Assert.True(m.call(x).equal(m.call x).all().ToBoolean())
    m.train ()
    Assert.True(m.modules () |> Seq.forall _.training)

[<Fact>]
let ``zero_grad drops gradients or empties them`` () =
    use m = torch.nn.Linear(2L, 2L)
    use x = torch.ones (1L, 2L)
    m.call(x).sum().backward()
    m.zero_grad false
    Assert.Equal(0.0f, (nonNull m.weight.grad).abs().sum().item<float32>())
    m.zero_grad ()
    Assert.Null m.weight.grad

[<Fact>]
let ``hooks see and change what goes in and comes out, until they are removed`` () =
    use m = torch.nn.Identity()
    let log = List<string>()
    let before = m.register_forward_pre_hook (fun _ x -> x + 1.0)
    let after = m.register_forward_hook (fun _ _ y -> y * 10.0)
    let seen = m.register_forward_hook (fun (_: torch.nn.Module) -> log.Add "called")
    use x = torch.tensor 1.0
    Assert.Equal(20.0, m.call(x).item<float>())
    Assert.Equal(1.0, m.forward(x).item<float>())
    before.remove ()
    Assert.Equal(10.0, m.call(x).item<float>())
    after.remove ()
    seen.remove ()
    Assert.Equal(1.0, m.call(x).item<float>())
    Assert.Equal(2, log.Count)

[<Fact>]
let ``wrong names and second registrations are refused`` () =
    use m = torch.nn.ModuleList<torch.nn.Module>()
    let p () = new Parameter(torch.zeros (1L))
    m.register_parameter ("a", p ())

    Assert.Throws<InvalidOperationException>(fun () -> m.register_parameter ("a", p ()))
    |> ignore

    Assert.Throws<InvalidOperationException>(fun () -> m.register_buffer ("a", torch.zeros (1L)))
    |> ignore

    Assert.Throws<ArgumentException>(fun () -> m.register_parameter ("a.b", p ()))
    |> ignore

    Assert.Throws<ArgumentException>(fun () -> m.register_module ("", torch.nn.Identity()))
    |> ignore

[<Fact>]
let ``a strict state dict must fit, a loose one says what it left`` () =
    use source = net ()
    use target = net ()
    let state = Dictionary(source.state_dict ())
    let struct (missing, unexpected) = target.load_state_dict state
    Assert.Empty missing
    Assert.Empty unexpected
    use x = torch.ones (1L, 3L)
    source.eval ()
    target.eval ()
    Assert.True(source.call(x).equal(target.call x).all().ToBoolean())
    state.Remove "last.weight" |> ignore
    state.Add("other", torch.zeros (1L))

    let error =
        Assert.Throws<InvalidOperationException>(fun () -> target.load_state_dict state |> ignore)

    Assert.Contains("last.weight", error.Message)
    Assert.Contains("other", error.Message)
    let struct (missing, unexpected) = target.load_state_dict (state, false)
    Assert.Equal<string list>([ "last.weight" ], List.ofSeq missing)
    Assert.Equal<string list>([ "other" ], List.ofSeq unexpected)

[<Fact>]
let ``a file gives back what was saved, and only to a model that fits`` () =
    use source = net ()
    use target = net ()
    use memory = new MemoryStream()
    use writer = new BinaryWriter(memory)
    source.save writer |> ignore

    let load (m: torch.nn.Module) strict =
        memory.Position <- 0L
        let reader = new BinaryReader(memory)
        m.load (reader, strict) |> ignore

    load target true

    for a, b in Seq.zip (source.parameters ()) (target.parameters ()) do
        Assert.True(a.equal(b).all().ToBoolean())

    use other = torch.nn.Linear(3L, 4L)
    Assert.Throws<ArgumentException>(fun () -> load other true) |> ignore
    load other false
    use wider = torch.nn.Sequential(struct ("first", torch.nn.Linear(3L, 5L) :> Net))
    let error = Assert.Throws<ArgumentException>(fun () -> load wider false)
    Assert.Contains("[4, 3]", error.Message)
    Assert.Contains("[5, 3]", error.Message)

let private dtypes =
    [
        torch.float32
        torch.float64
        torch.float16
        torch.bfloat16
        torch.int64
        torch.int32
        torch.int16
        torch.int8
        torch.uint8
        torch.``bool``
    ]

[<Fact>]
let ``a tensor read from a file is the tensor written, for every dtype and shape`` () =
    let cases =
        gen {
            let! dtype = Gen.elements dtypes

            let! shape =
                Gen.choose (0, 4)
                |> Gen.listOf
                |> Gen.map (List.truncate 4 >> List.map int64 >> Array.ofList)

            let! transposed = Gen.elements [ true; false ]
            return dtype, shape, transposed
        }

    Prop.forAll (Arb.fromGen cases) (fun (dtype, shape, transposed) ->
        use scope = torch.NewDisposeScope()
        let whole = (torch.randn shape * 50.0).to_type dtype

        let x =
            if transposed && shape.Length > 1 then
                whole.transpose (0L, 1L)
            else
                whole

        use memory = new MemoryStream()
        x.Save memory
        memory.Position <- 0L
        let y = torch.Tensor.Load memory
        Assert.Equal<int64[]>(x.shape, y.shape)
        Assert.Equal(dtype, y.dtype)
        Assert.Equal<byte[]>(Given.bitsOf (x.contiguous ()), Given.bitsOf y))
    |> fun p -> Check.One(Config.QuickThrowOnFailure, p)

[<Fact>]
let ``the file of a tensor is TorchSharp's, byte for byte`` () =
    use x = torch.tensor [| 1.0f; -2.0f |]
    use memory = new MemoryStream()
    x.reshape(1L, 2L).Save memory
    // Float32 is dtype 6; two dimensions; sizes 1 and 2; the elements.
    Assert.Equal<byte[]>(
        [| 6uy; 2uy; 1uy; 2uy; 0uy; 0uy; 128uy; 63uy; 0uy; 0uy; 0uy; 192uy |],
        memory.ToArray()
    )

[<Fact>]
let ``a file that ends early or holds no tensor is an error, not a crash`` () =
    Assert.Throws<EndOfStreamException>(fun () ->
        torch.Tensor.Load(new MemoryStream([| 6uy; 1uy; 9uy; 0uy |])) |> ignore)
    |> ignore

    Assert.Throws<InvalidDataException>(fun () ->
        torch.Tensor.Load(new MemoryStream([| 99uy; 1uy; 9uy |])) |> ignore)
    |> ignore

[<Fact>]
let ``lists and dictionaries of modules register what they hold`` () =
    use list =
        torch.nn.ModuleList<Linear>(
            torch.nn.Linear(1L, 1L, hasBias = false),
            torch.nn.Linear(2L, 2L, hasBias = false)
        )

    list.Insert(1, torch.nn.Linear(3L, 3L, hasBias = false))
    Assert.Equal<string list>([ "0.weight"; "1.weight"; "2.weight" ], names (list.named_parameters ()))
    Assert.Equal(3L, list[1].in_features)
    list.RemoveAt 0
    Assert.Equal<int64 list>([ 3L; 2L ], [ for m in list -> m.in_features ])
    use dict = torch.nn.ModuleDict<Linear>(struct ("b", list[0]), struct ("a", list[1]))
    Assert.Equal<string list>([ "b.weight"; "a.weight" ], names (dict.named_parameters ()))
    use parameters = torch.nn.ParameterList(list[0].weight, list[1].weight)
    Assert.Equal<string list>([ "0"; "1" ], names (parameters.named_parameters ()))

[<Fact>]
let ``a disposed module leaves no native tensor`` () =
    let left =
        Given.leaked (fun () ->
            use m = net ()
            use x = torch.ones (2L, 3L)
            use y = m.call x
            use loss = y.sum ()
            loss.backward ()
            use optimizer = torch.optim.AdamW(m.parameters (), 0.1)
            optimizer.step () |> ignore
            m.zero_grad ())

    Assert.Equal(0L, left)
