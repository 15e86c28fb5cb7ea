/// The runs of InternEvo's zoo that lie in configs/: each is legal, and its model has the published number of parameters.
module Evo.Models.Tests.Zoo

open System.IO
open Evo.Core
open Evo.Models
open Evo.Models.Tests.Golden
open Xunit

let private folder = Path.Combine(root, "..", "..", "configs")

let private load name =
    let path = Path.Combine(folder, name + ".json")

    match Config.load [ for f in ModelFamilies.All -> f.Keys ] [] path (File.ReadAllText path) with
    | Ok run -> run
    | Error problems -> failwithf "%s: %s" name (String.concat "\n" (List.map string problems))

/// A decoder of gated MLPs by a plain formula: embedding, layers, final norm, head. `biases` counts those of one layer.
let private count vocab hidden layers heads kv headSize inner biases tied =
    let attention = 2L * hidden * heads * headSize + 2L * hidden * kv * headSize
    let layer = attention + 3L * hidden * inner + 2L * hidden + biases
    (if tied then 1L else 2L) * vocab * hidden + layers * layer + hidden

/// Name, what the formula gives for the sizes, and the published number where there is one of its own.
let private zoo: (string * int64 * int64 option) list =
    let internlm layers hidden inner =
        count 103168L hidden layers (hidden / 128L) (hidden / 128L) 128L inner (4L * hidden) false

    [
        "7B_internlm", internlm 32L 4096L 11008L, None
        "7B_isp", internlm 32L 4096L 11008L, None
        "20B_internlm", internlm 60L 5120L 13824L, None
        "7B_internlm2", count 92544L 4096L 32L 32L 8L 128L 14336L 0L false, Some 7_737_708_544L
        "1.8B_internlm2", count 92544L 2048L 24L 16L 8L 128L 8192L 0L false, Some 1_889_110_016L
        "20B_internlm2", count 92544L 6144L 48L 48L 8L 128L 16384L 0L false, Some 19_861_149_696L
        "8B_internlm3", count 128512L 4096L 48L 32L 2L 128L 10240L 0L false, Some 8_804_241_408L
        "7B_llama2", count 32000L 4096L 32L 32L 8L 128L 14336L 0L false, None
        "7B_qwen2", count 152064L 3584L 28L 28L 4L 128L 18944L (128L * 36L) false, Some 7_615_616_512L
        "7B_baichuan2", count 125696L 4096L 32L 32L 32L 128L 11008L 0L false, Some 7_505_973_248L
        "7B_gemma", count 256000L 3072L 28L 16L 16L 256L 24576L 0L true, Some 8_537_680_896L
    ]

let names =
    let rows = TheoryData<string>()

    for name, _, _ in zoo do
        rows.Add name

    rows

[<Theory; MemberData(nameof names)>]
let ``a run of the zoo is legal, and its model has the published number of parameters`` (name: string) =
    let run = load name
    Assert.Equal(name, run.JobName)
    let spec = (Json.family run.ModelType).FromKeys.Invoke run.Model.FamilyKeys
    Assert.Empty(spec.Problems KeyNames.Run)
    let _, expected, published = zoo |> List.find (fun (n, _, _) -> n = name)
    Assert.Equal(expected, spec.ParameterCount)
    Option.iter (fun n -> Assert.Equal(n, spec.ParameterCount)) published
