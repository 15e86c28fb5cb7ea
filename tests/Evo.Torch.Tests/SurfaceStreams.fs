/// Random numbers from the surface are PyTorch's: figures recorded from PyTorch 1.13.1 with seed 42.
module Evo.Torch.Tests.SurfaceStreams

open System
open Xunit
open TorchSharp

let private shape (sizes: int64 list) = Array.ofList sizes

/// Each entry: what is drawn first after manual_seed(42), and PyTorch's figures.
let private recorded: (string * (unit -> torch.Tensor) * float list) list =
    [
        "rand",
        (fun () -> torch.rand (shape [ 5L ])),
        [
            0.8822692632675171
            0.9150039553642273
            0.38286375999450684
            0.9593056440353394
            0.3904482126235962
        ]
        "randn",
        (fun () -> torch.randn (shape [ 5L ])),
        [
            0.33669036626815796
            0.12880940735340118
            0.23446236550807953
            0.23033303022384644
            -1.1228563785552979
        ]
        "randn of many",
        (fun () -> torch.randn(shape [ 20L ]).narrow(0L, 15L, 5L)),
        [
            0.859858512878418
            -0.3097267746925354
            -0.3957104980945587
            0.8034093379974365
            -0.6215953826904297
        ]
        "randn of float64",
        (fun () -> torch.randn (shape [ 3L ], Nullable torch.float64)),
        [ 0.33669035438385886; 0.1288094051365897; 0.23446236336153173 ]
        "randint", (fun () -> torch.randint (1000L, shape [ 6L ])), [ 542.; 67.; 876.; 414.; 26.; 335. ]
        "randperm", (fun () -> torch.randperm 8L), [ 6.; 3.; 0.; 7.; 2.; 1.; 4.; 5. ]
        "dropout",
        (fun () -> torch.nn.functional.dropout (torch.ones (shape [ 12L ]))),
        [ 2.; 2.; 2.; 2.; 0.; 2.; 0.; 0.; 2.; 2.; 2.; 2. ]
        "normal_",
        (fun () -> torch.empty(shape [ 4L ]).normal_(2.0, 3.0)),
        [ 3.010071039199829; 2.386428117752075; 2.7033870220184326; 2.6909990310668945 ]
        "uniform_",
        (fun () -> torch.empty(shape [ 4L ]).uniform_(-1.0, 1.0)),
        [
            0.7645385265350342
            0.8300079107284546
            -0.23427248001098633
            0.9186112880706787
        ]
        "bernoulli_", (fun () -> torch.empty(shape [ 8L ]).bernoulli_ 0.3), [ 1.; 1.; 1.; 1.; 0.; 0.; 0.; 0. ]
        "multinomial",
        (fun () -> torch.multinomial (torch.tensor [| 0.1f; 0.2f; 0.3f; 0.4f |], 8L, true)),
        [ 0.; 0.; 1.; 0.; 2.; 2.; 3.; 3. ]
        "exponential_",
        (fun () -> torch.empty(shape [ 3L ]).exponential_()),
        [ 0.05991401523351669; 0.06497612595558167; 0.13191677629947662 ]
        "weights of Linear",
        (fun () -> torch.nn.Linear(3L, 2L).weight),
        [
            0.4414065182209015
            0.47920528054237366
            -0.1352572739124298
            0.5303604602813721
            -0.1264995038509369
            0.11650390923023224
        ]
        "bias of Linear",
        (fun () -> nonNull (torch.nn.Linear(3L, 2L).bias)),
        [ -0.28108587861061096; 0.3390677869319916 ]
        "weights of Embedding",
        (fun () -> torch.nn.Embedding(3L, 2L).weight),
        [
            0.33669036626815796
            0.12880940735340118
            0.23446236550807953
            0.23033303022384644
            -1.1228563785552979
            -0.18632829189300537
        ]
        "xavier_uniform_",
        (fun () -> torch.nn.init.xavier_uniform_ (torch.empty (shape [ 2L; 3L ]))),
        [
            0.8375100493431091
            0.9092281460762024
            -0.25663265585899353
            1.0062882900238037
            -0.24001595377922058
            0.22105063498020172
        ]
        "kaiming_normal_",
        (fun () -> torch.nn.init.kaiming_normal_ (torch.empty (shape [ 2L; 3L ]))),
        [
            0.2749065160751343
            0.10517244040966034
            0.1914377212524414
            0.18806612491607666
            -0.9168083667755127
            -0.1521364152431488
        ]
        "trunc_normal_",
        (fun () -> torch.nn.init.trunc_normal_ (torch.empty (shape [ 4L ]), std = 0.02)),
        [
            0.02372814528644085
            0.027444586157798767
            -0.0059593613259494305
            0.03485369309782982
        ]
    ]

let names () =
    recorded |> Seq.map (fun (name, _, _) -> TheoryDataRow<string> name)

[<Theory; MemberData(nameof names)>]
let ``manual_seed gives PyTorch's numbers`` (name: string) =
    let _, draw, figures = recorded |> List.find (fun (n, _, _) -> n = name)
    use _ = torch.manual_seed 42L
    use drawn = draw().to_type(torch.float64).flatten()
    let numbers = drawn.detach().data<float>().ToArray()
    Assert.Equal(figures.Length, numbers.Length)

    for figure, number in Seq.zip figures numbers do
        // The last bit of float32 may differ between processors where exp or log is vectorized.
        Assert.True(
            abs (figure - number) <= 1.2e-7 * max 1.0 (abs figure),
            $"{name}: {number} where PyTorch has {figure}"
        )

[<Fact>]
let ``a generator given draws apart from the default one`` () =
    use generator = new torch.Generator(7UL)
    use _ = torch.manual_seed 42L

    let apart =
        torch.rand(shape [ 3L ], generator = generator).data<float32>().ToArray()

    Assert.Equal<float32[]>([| 0.5349225401878357f; 0.19880318641662598f; 0.6592116951942444f |], apart)
    Assert.Equal(0.8822692632675171f, torch.rand(shape [ 1L ]).item<float32>())

[<Fact>]
let ``what is drawn moves the stream as in PyTorch`` () =
    use _ = torch.manual_seed 42L
    torch.rand(shape [ 3L ]).Dispose()

    Assert.Equal<float32[]>(
        [| 0.9593056440353394f; 0.3904482126235962f |],
        torch.rand(shape [ 2L ]).data<float32>().ToArray()
    )
