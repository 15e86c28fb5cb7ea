/// The law of parity with `kernels` set to plain: layouts without a kernel of our own are held against one device with them.
module Evo.Parity.Tests.PlainOperators

open Evo.Core
open Evo.Parallel
open Evo.Parity.Tests.Layouts
open Evo.Torch
open Xunit

/// The switch is the process's: nothing else runs beside these.
[<CollectionDefinition("plain operators", DisableParallelization = true)>]
type Alone() = class end

let private plainly act =
    Ops.UseNative <- false

    try
        act ()
    finally
        Ops.UseNative <- true

/// One device computes first, with kernels.
let private compare name (layouts: Layout list) =
    let spec = ofFamily name
    let reference = Reference spec

    for layout in layouts do
        reference.Of layout |> ignore

    let before = CountedOperations.Now

    let failures =
        plainly (fun () ->
            [
                for layout in layouts do
                    match wrong reference spec layout (ParityProbe()) with
                    | [], _ -> ()
                    | found, _ -> $"{layout}: {found.Head}"
            ])

    Assert.Equal(0L, CountedOperations.Now.Since(before).Attention)
    let text = String.concat "\n" failures
    Assert.True(failures.IsEmpty, $"{name}: {failures.Length} of {layouts.Length} layouts are off\n{text}")

let private covering strength name =
    Covering.cheapArray strength cost (legal name) Layouts.axes

[<Collection("plain operators")>]
type ``Plain operators``() =
    static member Names = families

    [<Theory; InlineData("LLAMA2"); InlineData("GPT2"); InlineData("MIXTRALMOE")>]
    member _.``at a layout of each mode are one device's kernels``(name: string) =
        let layouts = covering 1 name |> List.distinctBy (fun layout -> layout.Degrees.Mode)

        Assert.Equal(4, layouts.Length)
        compare name layouts

    [<Theory; Trait("Category", "Full"); MemberData("Names")>]
    member _.``at a covering array of layouts are one device's kernels``(name: string) =
        compare name (covering 2 name)
