module Evo.Core.Tests.NearestLayoutTests

open System
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Meshes
open Evo.Core.Tests.Properties

[<Fact>]
let ``a legal layout is its own nearest`` () =
    forAll layout (Layouts.smaller small >> Seq.ofList) (fun layout ->
        NearestLayout.find small layout = layout)

[<Fact>]
let ``the nearest layout is legal, on as many ranks, and no layout with fewer changes is`` () =
    let broken =
        gen {
            let! layout = layout
            let! wrong = Gen.choose (2, 7)
            let! which = Gen.choose (0, 5)
            let degrees = layout.Degrees

            return
                match which with
                | 0 ->
                    { layout with
                        Degrees = { degrees with Tensor = wrong }
                    }
                | 1 ->
                    { layout with
                        Degrees = { degrees with Pipeline = wrong }
                    }
                | 2 ->
                    { layout with
                        Degrees = { degrees with Zero = wrong }
                    }
                | 3 ->
                    { layout with
                        Degrees = { degrees with Weight = wrong }
                    }
                | 4 -> { layout with Chunks = wrong }
                | _ -> { layout with MicroBatches = wrong }
        }

    let differ (a: Layout) (b: Layout) =
        List.map2 (<>) (Layouts.sizes a) (Layouts.sizes b)
        |> List.filter id
        |> List.length

    law broken (Layouts.smaller small >> Seq.ofList) (fun layout ->
        let nearest = NearestLayout.find small layout

        let legalNeighbours =
            smallLayouts.Value
            |> Array.filter (fun other -> other.Degrees.World = layout.Degrees.World)
            |> Array.map (differ layout)
            |> Array.min

        (said small nearest, nearest.Degrees.World, differ layout nearest <= legalNeighbours)
        =? ([], layout.Degrees.World, true))

[<Fact>]
let ``the nearest layout changes what is in the way, and by little`` () =
    let nearest facts layout =
        NearestLayout.changes layout (NearestLayout.find facts layout)

    let plain = { Degrees.Single with World = 8 }

    Assert.Equal<(string * string) list>(
        [ "parallel.tensor.size", "2" ],
        nearest
            stubborn
            (on
                { plain with
                    World = 12
                    Tensor = 4
                    Mode = TensorMode.Msp
                })
    )

    Assert.Equal<(string * string) list>(
        [ "data.micro_num", "8" ],
        nearest
            willing
            { on { plain with Pipeline = 4 } with
                Schedule = PipelineMode.ZeroBubbleV
                Chunks = 2
                MicroBatches = 7
            }
    )

    Assert.Equal<(string * string) list>(
        [ "parallel.tensor.mode", "isp" ],
        nearest willing (on { plain with Weight = 4 })
    )

    // Nothing fits a world of a prime number of ranks but what one axis takes whole.
    let odd =
        NearestLayout.find
            willing
            (on
                { plain with
                    World = 7
                    Tensor = 2
                    Pipeline = 2
                    Zero = 2
                    Weight = 2
                    Expert = 2
                })

    Assert.Empty(said willing odd)
    Assert.Equal(7, odd.Degrees.World)

[<Fact>]
let ``the nearest layout of a thousand ranks is found in a moment`` () =
    let layout =
        { on
              { Degrees.Single with
                  World = 1024
                  Mode = TensorMode.Isp
                  Tensor = 48
                  Weight = 24
                  Pipeline = 8
                  Zero = 3
              } with
            MicroBatches = 20
            Chunks = 2
        }

    let watch = Diagnostics.Stopwatch.StartNew()
    let nearest = NearestLayout.find willing layout
    Assert.Empty(said willing nearest)

    Assert.Equal<(string * string) list>(
        [
            "parallel.tensor.size", "64"
            "parallel.weight.size", "32"
            "parallel.zero1.size", "4"
            "data.micro_num", "24"
        ],
        NearestLayout.changes layout nearest
    )

    Assert.True(watch.Elapsed < TimeSpan.FromSeconds 20.0, $"{watch.Elapsed}")
