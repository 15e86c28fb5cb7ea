/// What operators mean: against plain loops, and gradients against finite differences.
module Evo.Torch.Tests.SurfaceLaws

open System
open FsCheck
open FsCheck.FSharp
open Xunit
open TorchSharp

let private s (x: float) = Scalar.op_Implicit x

let private many (property: Property) =
    Check.One(Config.QuickThrowOnFailure.WithMaxTest 150, property)

let private values (t: torch.Tensor) =
    t.to_type(torch.float64).contiguous().detach().data<float>().ToArray()

let private filled (shape: int64 list) (seed: int) =
    let random = Random seed
    let count = List.fold (*) 1L shape |> int
    torch.tensor(Array.init count (fun _ -> random.NextDouble() * 4.0 - 2.0)).reshape(Array.ofList shape)

let private shapes =
    Gen.choose (1, 3) |> Gen.listOf |> Gen.map (List.truncate 3 >> List.map int64)

/// Two shapes that broadcast to a common one: each keeps or drops (to 1, or altogether in front) its dimensions.
let private pairs =
    gen {
        let! common = Gen.choose (1, 3) |> Gen.listOfLength 3 |> Gen.map (List.map int64)

        let part =
            gen {
                let! front = Gen.choose (0, 3)
                let! ones = Gen.elements [ true; false ] |> Gen.listOfLength 3

                return
                    List.map2 (fun one size -> if one then 1L else size) ones common
                    |> List.skip front
            }

        let! a = part
        let! b = part
        let! seed = Gen.choose (0, 100000)
        return a, b, seed
    }

let private common (a: int64 list) (b: int64 list) =
    let n = max a.Length b.Length

    let pad x =
        List.replicate (n - List.length x) 1L @ x

    List.map2 max (pad a) (pad b)

let private offset (shape: int64 list) (place: int64 list) =
    let place = List.skip (place.Length - shape.Length) place

    List.fold2 (fun at size i -> at * size + (if size = 1L then 0L else i)) 0L shape place
    |> int

let private places (shape: int64 list) =
    List.foldBack
        (fun size rest ->
            [
                for i in 0L .. size - 1L do
                    for tail in rest -> i :: tail
            ])
        shape
        [ [] ]

let private close (expected: float) (found: float) =
    Assert.True(abs (expected - found) <= 1e-12 * (1.0 + abs expected), $"{found} where {expected} is due")

[<Fact>]
let ``operators of two tensors broadcast`` () =
    let operators: ((torch.Tensor -> torch.Tensor -> torch.Tensor) * (float -> float -> float)) list =
        [
            (fun x y -> x + y), (+)
            (fun x y -> x - y), (-)
            (fun x y -> x * y), (*)
            (fun x y -> x / y), (/)
            (fun x y -> x.maximum y), max
            (fun x y -> x.lt y), (fun a b -> if a < b then 1.0 else 0.0)
        ]

    Prop.forAll (Arb.fromGen pairs) (fun (a, b, seed) ->
        use scope = torch.NewDisposeScope()
        let x, y = filled a seed, filled b (seed + 1)
        let xs, ys, shape = values x, values y, common a b

        for ours, plain in operators do
            let got = ours x y
            Assert.Equal<int64 list>(shape, List.ofArray got.shape)

            for place, found in Seq.zip (places shape) (values got) do
                close (plain xs[offset a place] ys[offset b place]) found)
    |> many

[<Fact>]
let ``numbers stand on either side of an operator`` () =
    use x = torch.tensor [| 1.0; -2.0; 4.0 |]

    let is (expected: float list) (t: torch.Tensor) =
        Assert.Equal<float list>(expected, List.ofArray (values t))

    is [ 3.0; 0.0; 6.0 ] (x + 2.0)
    is [ 1.0; 4.0; -2.0 ] (2.0 - x)
    is [ 2.0; -1.0; 0.5 ] (2.0 / x)
    is [ 0.5; -1.0; 2.0 ] (x / 2)
    is [ 1.0; 1.0; 1.0 ] (x % 3.0)
    is [ -1.0; 2.0; -4.0 ] -x
    is [ 1.0; 0.0; 1.0 ] (torch.Tensor.op_GreaterThan (x, s 0.0))
    is [ 0.0; 1.0; 0.0 ] (torch.Tensor.op_GreaterThan (s 0.0, x))
    // Whole numbers with whole numbers stay whole.
    use n = torch.tensor [| 7L; -7L |]
    Assert.Equal(torch.int64, (n + 1).dtype)
    Assert.Equal(torch.float32, (n / 2).dtype)
    is [ 3.0; -4.0 ] (torch.floor_divide (n, torch.tensor 2L))

[<Fact>]
let ``reductions along dimensions are plain loops`` () =
    let cases =
        gen {
            let! shape = Gen.choose (1, 4) |> Gen.listOfLength 3 |> Gen.map (List.map int64)
            let! dim = Gen.choose (-3, 2)
            let! keep = Gen.elements [ true; false ]
            let! seed = Gen.choose (0, 100000)
            return shape, dim, keep, seed
        }

    Prop.forAll (Arb.fromGen cases) (fun (shape, dim, keep, seed) ->
        use scope = torch.NewDisposeScope()
        let x = filled shape seed
        let at = if dim < 0 then dim + 3 else dim
        let xs = values x
        let outer = List.removeAt at shape

        let line place =
            [ for i in 0L .. shape[at] - 1L -> xs[offset shape (List.insertAt at i place)] ]

        let kept = if keep then List.insertAt at 1L outer else outer
        let dims = [| int64 dim |]

        let sum (l: float list) = List.sum l
        let mean l = List.average l

        let var (l: float list) =
            (l |> List.sumBy (fun v -> (v - mean l) ** 2.0)) / float l.Length

        let reductions: (torch.Tensor * (float list -> float)) list =
            [
                x.sum (dims, keep), sum
                x.mean (dims, keep), mean
                x.amax (dims, keep), List.max
                x.amin (dims, keep), List.min
                x.prod (int64 dim, keep), List.reduce (*)
                x.logsumexp (int64 dim, keep), (fun l -> log (l |> List.sumBy exp))
                x.norm (dim, keep), (fun l -> sqrt (l |> List.sumBy (fun v -> v * v)))
                x.var (int64 dim, false, keep), var
                x.std (int64 dim, false, keep), (var >> sqrt)
                (let struct (v, _) = x.max (int64 dim, keep) in v), List.max
                (let struct (_, i) = x.min (int64 dim, keep) in i),
                (fun l -> float (List.findIndex ((=) (List.min l)) l))
                x.argmax (int64 dim, keep), (fun l -> float (List.findIndex ((=) (List.max l)) l))
            ]

        for got, plain in reductions do
            Assert.Equal<int64 list>(kept, List.ofArray got.shape)

            for place, found in Seq.zip (places outer) (values got) do
                let expected = plain (line place)

                Assert.True(
                    abs (expected - found) <= 1e-10 * (1.0 + abs expected),
                    $"{found} where {expected} is due"
                ))
    |> many

[<Fact>]
let ``taking apart and joining are inverses`` () =
    let cases =
        gen {
            let! shape = Gen.choose (1, 5) |> Gen.listOfLength 3 |> Gen.map (List.map int64)
            let! dim = Gen.choose (0, 2)
            let! size = Gen.choose (1, 3)
            return shape, int64 dim, int64 size
        }

    Prop.forAll (Arb.fromGen cases) (fun (shape, dim, size) ->
        use scope = torch.NewDisposeScope()
        let x = filled shape 1
        let same (y: torch.Tensor) = Assert.True(x.eq(y).all().ToBoolean())
        same (torch.cat (x.split (size, int dim), dim))
        same (torch.cat (x.chunk (size, dim), dim))
        same (torch.stack (x.unbind dim, dim))
        same (x.transpose(0L, dim).transpose(0L, dim))
        same (x.unsqueeze(dim).squeeze dim)
        same (x.flatten().view(Array.ofList shape))
        same (x.flip([| dim |]).flip [| dim |])
        same (x.roll(size, dim).roll(-size, dim))

        same (
            x.gather (dim, x.argsort dim)
            |> fun sorted -> sorted.gather (dim, (x.argsort dim).argsort dim)
        ))
    |> many

[<Fact>]
let ``softmax, sort and topk agree with each other`` () =
    Prop.forAll (Gen.choose (0, 100000) |> Arb.fromGen) (fun seed ->
        use scope = torch.NewDisposeScope()
        let x = filled [ 3L; 5L ] seed
        Assert.True(x.softmax(-1L).sum(-1L).allclose(torch.ones ([| 3L |], Nullable torch.float64)))
        Assert.True(x.softmax(-1L).log().allclose(x.log_softmax -1L))
        let struct (sorted, order) = x.sort (-1L, true)
        let struct (top, at) = x.topk 2
        Assert.True(top.equal(sorted.narrow (1L, 0L, 2L)).all().ToBoolean())
        Assert.True(at.equal(order.narrow (1L, 0L, 2L)).all().ToBoolean())
        let struct (steps, _) = x.cummax -1L
        Assert.True((steps.select (1L, 4L)).equal(x.amax [| 1L |]).all().ToBoolean()))
    |> many

[<Fact>]
let ``products of matrices agree with einsum`` () =
    use scope = torch.NewDisposeScope()
    let a, b = filled [ 2L; 3L; 4L ] 1, filled [ 2L; 4L; 5L ] 2
    Assert.True(a.matmul(b).allclose(torch.einsum ("bij,bjk->bik", a, b)))
    Assert.True(a.bmm(b).allclose(torch.einsum ("bij,bjk->bik", [| a; b |])))
    let m, n = a[0L], b[0L]
    Assert.True(m.mm(n).allclose(torch.einsum ("ij,jk->ik", m, n)))
    Assert.True(m.tensordot(n, 1L).allclose(m.mm n))
    Assert.True(torch.nn.functional.linear(m, n.t().contiguous()).allclose(m.mm n))
    Assert.True((m.t().mm m).trace().allclose(m.square().sum()))

    Assert.True(
        torch.addmm(torch.zeros ([| 3L; 5L |], Nullable torch.float64), m, n, 1f, 2f).allclose(m.mm n * 2.0)
    )

[<Fact>]
let ``defaults that TorchSharp writes as numbers mean what PyTorch's None means`` () =
    use scope = torch.NewDisposeScope()

    let is (expected: float list) (t: torch.Tensor) =
        Assert.Equal<float list>(expected, List.ofArray (values t))

    let x = torch.tensor [| 1.0; 2.0; 0.0 |]
    is [ 1.0; 1.0; 1.0; 4.0; 2.0; 1.0; 0.0; 0.0; 1.0 ] (x.vander ())
    is [ 1.0; 1.0; 2.0; 1.0; 0.0; 1.0 ] (x.vander 2L)
    is [ 2.0 ] (x.count_nonzero ())
    is [ 3.0 ] ((torch.tensor 3L).round())
    is [ 2.0; -2.0 ] ((torch.tensor [| 2.5; -2.5 |]).round())
    is [ 1.24 ] ((torch.tensor 1.236).round 2L)
    is [ 0.0; 1.0; 2.0 ] (let struct (found, _, _) = x.unique () in found)
    is [ 1.0 ] (x.quantile (torch.tensor 0.5, -1L))
    is [ 2.0; 0.0; 1.0 ] (x.roll 2L)
    is [ 1.0 ] (let struct (value, _) = x.kthvalue (2L, Nullable()) in value)
    is [ 2.0; 0.0; 1.0; 0.0 ] (torch.bincount (torch.tensor [| 0L; 2L; 0L |], minlength = 4L))
