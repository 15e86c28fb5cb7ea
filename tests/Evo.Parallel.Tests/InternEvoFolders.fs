/// Checkpoints as InternEvo saves them, on any ranks: files of torch.save under InternEvo's names.
module Evo.Parallel.Tests.InternEvoFolders

open System
open System.IO
open Evo.Data.Tests.PickleWriter
open Evo.Models
open Evo.Parallel.Tests.InternEvoParts

/// What a rank holds of a part; none where it holds nothing.
let private share (layout: Layout) (t: int) (w: int) (p: Part) : Rows option =
    let isp = layout.Weight > 0

    let overTensor =
        not isp || (layout.Naming = TensorWeight && (p.Split = Table || p.Split = Head))

    let count, index =
        if overTensor then
            (layout.Tensor, t)
        else
            (layout.Weight, w)

    match p.Split with
    | Whole -> Some p.Value
    | RowBias when not isp -> if t = 0 then Some p.Value else None
    | Row when not isp -> Some(columns count index p.Value)
    | Table when not layout.TableRows -> Some(columns count index p.Value)
    | Blocks blocks when not isp -> Some(Array.concat [ for block in blocks -> part count index block ])
    | _ -> Some(part count index p.Value)

/// A file of torch.save whose tensors are views of one storage, as the parameters of InternEvo's optimizer are.
let private writeFile path (tensors: (string * int64 list * float32[]) list) =
    let total = tensors |> List.sumBy (fun (_, _, numbers) -> int64 numbers.Length)
    let over = storage "Float" "0" total

    let starts =
        tensors
        |> List.scan (fun at (_, _, numbers: float32[]) -> at + int64 numbers.Length) 0L

    let views =
        [
            for (name, shape, _), start in List.zip tensors (List.take tensors.Length starts) ->
                let strides = List.scanBack (*) shape.Tail 1L
                name, tensor over start shape strides
        ]

    let bytes =
        tensors
        |> List.collect (fun (_, _, numbers) -> [ for x in numbers -> BitConverter.GetBytes x ])
        |> Array.concat

    File.WriteAllBytes(path, torchFile (stateDict views) [ "0", bytes ])

let private shaped isVector (rows: Rows) =
    (if isVector then
         [ int64 rows.Length ]
     else
         [ int64 rows.Length; int64 rows[0].Length ]),
    Array.concat rows

/// InternEvo's uniform partition: for each stage and chunk its layers. What is left over goes to the last stages.
let private partition (layout: Layout) layers =
    let ofChunk = layers / layout.Chunks

    let size i =
        ofChunk / layout.Stages
        + (if i >= layout.Stages - ofChunk % layout.Stages then
               1
           else
               0)

    let starts = List.scan (+) 0 [ for i in 0 .. layout.Stages - 1 -> size i ]

    Map
        [
            for chunk in 0 .. layout.Chunks - 1 do
                for i in 0 .. layout.Stages - 1 do
                    let stage =
                        if layout.Returns && chunk = 1 then
                            layout.Stages - 1 - i
                        else
                            i

                    (stage, chunk), [ for n in 0 .. size i - 1 -> chunk * ofChunk + starts[i] + n ]
        ]

let private keyed (layout: Layout) family chunk local name =
    let prefix = if layout.Chunks > 1 then $"{chunk}.model." else "model."

    match local with
    | Some layer ->
        prefix
        + (if isFirst family then
               $"blocks.{layer}."
           else
               $"layers.{layer}.")
        + name
    | None -> prefix + name

/// One matrix's share cut in three, under three names.
let private inThree (spec: CausalLM) (key: string, shape: int64 list, numbers: float32[]) =
    let size = spec.Size
    let all = size.HeadCount + 2 * size.KvHeadCount
    let width = numbers.Length / int shape.Head

    [ "wq", size.HeadCount; "wk", size.KvHeadCount; "wv", size.KvHeadCount ]
    |> List.mapFold
        (fun at (name, heads) ->
            let rows = int shape.Head * heads / all

            (key.Replace("wqkv", name),
             int64 rows :: shape.Tail,
             Array.sub numbers (at * width) (rows * width)),
            at + rows)
        0
    |> fst

let private rankNames (layout: Layout) =
    match layout.Naming with
    | Tensor ->
        [
            for t in 0 .. layout.Tensor - 1 -> t, 0, fun p -> [ $"model_tp{t}_pp{p}.pt" ]
        ]
    | TensorData ->
        [
            for t in 0 .. layout.Tensor - 1 ->
                t, 0, fun p -> [ for d in 0..1 -> $"model_tp{t}_pp{p}_dp{d}.pt" ]
        ]
    | Weight ->
        [
            for w in 0 .. layout.Weight - 1 -> 0, w, fun p -> [ $"model_wp{w}_pp{p}.pt" ]
        ]
    | TensorWeight ->
        [
            for r in 0 .. max layout.Tensor layout.Weight - 1 ->
                let t, w = r % layout.Tensor, r % layout.Weight
                t, w, fun p -> [ $"model_tp{t}_wp{w}_pp{p}.pt" ]
        ]

/// An expert's map, or a stack of them, as a rank holds it: name of the file's rank, shape, numbers.
let private expertShares (layout: Layout) split (all: Rows list) =
    let isp = layout.Weight > 0

    let ranks =
        if layout.WholeExperts then 1
        elif isp then layout.Weight
        else layout.Tensor

    let own r rows =
        if split = Row && not isp then
            columns ranks r rows
        else
            part ranks r rows

    [
        for r in 0 .. ranks - 1 do
            let shape, numbers =
                match all with
                | [ alone ] when layout.Group = 1 -> shaped false (own r alone)
                | group when isp -> shaped false (part ranks r (Array.concat (List.map turned group)))
                | group ->
                    let stacked = [ for rows in group -> turned (own r rows) ]

                    [ int64 group.Length; int64 stacked.Head.Length; int64 stacked.Head[0].Length ],
                    Array.concat (List.map Array.concat stacked)

            (if isp then $"wp{r}" else $"tp{r}"), shape, numbers
    ]

/// Writes a checkpoint into a folder; `find` gives the rows of a tensor by Hugging Face's name.
let write (folder: string) (spec: CausalLM) (layout: Layout) (find: string -> Rows option) =
    Directory.CreateDirectory folder |> ignore
    let family = spec.Family.Name
    let plain, experts = parts spec layout find
    let layers = spec.Size.LayerCount
    let place = partition layout layers

    let homes =
        Map
            [
                for KeyValue((stage, chunk), held) in place do
                    for local, layer in List.indexed held -> layer, (stage, chunk, local)
            ]

    let last =
        let stage, chunk, _ = homes[layers - 1]
        stage, chunk

    let home (p: Part) =
        match p.Layer with
        | Some layer ->
            let stage, chunk, local = homes[layer]
            stage, chunk, Some local
        | None when p.Split = Table -> 0, 0, None
        | None -> fst last, snd last, None

    for t, w, names in rankNames layout do
        for stage in 0 .. layout.Stages - 1 do
            let tensors =
                [
                    for p in plain do
                        let at, chunk, local = home p

                        if at = stage then
                            match share layout t w p with
                            | Some rows ->
                                let shape, numbers = shaped p.IsVector rows
                                let key = keyed layout family chunk local p.Name

                                if layout.Attention = FusedInThree && p.Name.Contains "wqkv" then
                                    yield! inThree spec (key, shape, numbers)
                                else
                                    key, shape, numbers
                            | None -> ()
                ]

            for name in names stage do
                writeFile (Path.Combine(folder, name)) tensors

    // Experts: a file of each layer, expert (or stack of them) and rank; the layer counted from its stage's first.
    let number layer =
        let stage, chunk, local = homes[layer]

        let before =
            [
                for KeyValue((s, c), held) in place do
                    if s = stage && c < chunk then
                        held.Length
            ]
            |> List.sum

        stage * (layers / layout.Stages) + before + local

    let files =
        [
            for layer, prefix, map, split, all in experts do
                for e, group in List.indexed (List.chunkBySize layout.Group all) do
                    for rank, shape, numbers in expertShares layout split group do
                        let _, chunk, local = homes[layer]

                        $"model_moe_layer{number layer}_expert{e}_{rank}.pt",
                        (keyed layout family chunk (Some local) $"{prefix}.{e}.{map}.weight", shape, numbers)
        ]

    for name, tensors in List.groupBy fst files do
        writeFile (Path.Combine(folder, name)) (List.map snd tensors)

/// Writes model_config.pt: InternEvo's own dictionary, or a plain one as its tools write it.
let writeSettings (folder: string) ownDictionary (settings: (string * byte[]) list) =
    let others =
        [
            "num_layers", number 2L
            "layer_norm_epsilon", letter 'G' [ Array.zeroCreate 8 ]
            "dtype", global' "torch" "bfloat16"
        ]

    let items = setItems [ for name, value in others @ settings -> unicode name, value ]

    let made =
        if ownDictionary then
            [
                global' "internlm.core.context.parallel_context" "Config"
                tuple []
                op 0x81 []
                items
                emptyDict
                letter 'b' []
            ]
        else
            [ emptyDict; items ]

    File.WriteAllBytes(
        Path.Combine(folder, "model_config.pt"),
        torchFile (Array.concat ([ proto 2 ] @ made @ [ stop ])) []
    )
