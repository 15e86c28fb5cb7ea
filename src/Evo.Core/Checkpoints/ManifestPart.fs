/// What a checkpoint's files hold, and how that is written down.
namespace Evo.Core

open System
open System.Collections.Generic
open System.Globalization

/// One file of a checkpoint, as it was when the checkpoint was committed.
type ManifestFile =
    {
        /// Path inside the checkpoint's folder, with `/`.
        Path: string
        Bytes: int64
        /// SHA-256 of the content, in lower-case hexadecimal digits.
        Sha256: string
    }

/// One logical tensor of a checkpoint: a parameter, or optimizer state of one, by its global name and full shape.
type ManifestTensor =
    {
        Name: string
        Shape: IReadOnlyList<int64>
        /// safetensors' name of the element type, such as `F32`.
        DType: string
        /// Where it lies: every element in one of them.
        Pieces: IReadOnlyList<ManifestPiece>
    }

/// Words of manifests: how numbers, texts and lists are found in JSON, or missed at their place.
module internal ManifestJson =
    let text (value: string) = Json.make (JString value)

    let whole (value: int64) =
        Json.make (JNumber(value.ToString CultureInfo.InvariantCulture))

    let list (items: Json seq) = Json.make (JArray(List.ofSeq items))

    let refuse (place: Place) (what: string) : 'a =
        raise (FormatException $"{place}: {what}")

    let find name (json: Json) =
        match Json.tryFind name json with
        | Some value -> value
        | None -> refuse json.At $"this is no manifest of a checkpoint: \"{name}\" is missing"

    let textOf name json =
        match find name json with
        | { Value = JString value } -> value
        | { At = place } -> refuse place $"\"{name}\" must be a text"

    let number (json: Json) =
        match json.Value with
        | JNumber digits ->
            match Int64.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
            | true, value -> value
            | _ -> refuse json.At $"{digits} must be a whole number"
        | _ -> refuse json.At "must be a whole number"

    let wholeOf name json = number (find name json)

    let listOf name json =
        match find name json with
        | { Value = JArray items } -> items
        | { At = place } -> refuse place $"\"{name}\" must be a list"

    let parse source text =
        match Json.parse source text with
        | Error problem -> raise (FormatException(string problem))
        | Ok json -> json

/// What one rank wrote of a checkpoint, or all of them together.
type ManifestPart =
    {
        Tensors: IReadOnlyList<ManifestTensor>
        Files: IReadOnlyList<ManifestFile>
    }

    /// The members `files` and `tensors` of a manifest.
    member internal part.Members =
        let piece (piece: ManifestPiece) =
            Json.makeObject
                [
                    "file", ManifestJson.text piece.File
                    "key", ManifestJson.text piece.Key
                    "offset", ManifestJson.list (Seq.map ManifestJson.whole piece.Box.Offset)
                    "length", ManifestJson.list (Seq.map ManifestJson.whole piece.Box.Length)
                    if piece.Transposed then
                        "transposed", Json.make (JBool true)
                    "sha256", ManifestJson.text piece.Sha256
                ]

        [
            "files",
            ManifestJson.list
                [
                    for file in part.Files ->
                        Json.makeObject
                            [
                                "path", ManifestJson.text file.Path
                                "bytes", ManifestJson.whole file.Bytes
                                "sha256", ManifestJson.text file.Sha256
                            ]
                ]
            "tensors",
            ManifestJson.list
                [
                    for tensor in part.Tensors ->
                        Json.makeObject
                            [
                                "name", ManifestJson.text tensor.Name
                                "shape", ManifestJson.list (Seq.map ManifestJson.whole tensor.Shape)
                                "dtype", ManifestJson.text tensor.DType
                                "pieces", ManifestJson.list (Seq.map piece tensor.Pieces)
                            ]
                ]
        ]

    /// Indented JSON, with a newline at the end.
    member part.ToJson() =
        Json.render (Json.makeObject part.Members) + "\n"

    /// Reads the members of a manifest of some version.
    static member internal Read(json: Json, version: int64) : ManifestPart =
        let sizes name json =
            [| for size in ManifestJson.listOf name json -> ManifestJson.number size |]

        let piece (json: Json) =
            {
                File = ManifestJson.textOf "file" json
                Key = ManifestJson.textOf "key" json
                Box =
                    {
                        Offset = sizes "offset" json
                        Length = sizes "length" json
                    }
                Transposed =
                    match Json.tryFind "transposed" json with
                    | Some { Value = JBool transposed } -> transposed
                    | Some { At = place } -> ManifestJson.refuse place "\"transposed\" must be true or false"
                    | None -> false
                Sha256 = ManifestJson.textOf "sha256" json
            }

        // In version 1 one rank wrote each tensor whole, under its own name.
        let only (tensor: Json) =
            {
                File = ManifestJson.textOf "file" tensor
                Key = ManifestJson.textOf "name" tensor
                Box = Box.Whole(sizes "shape" tensor)
                Transposed = false
                Sha256 = ""
            }

        {
            Files =
                [
                    for file in ManifestJson.listOf "files" json ->
                        {
                            Path = ManifestJson.textOf "path" file
                            Bytes = ManifestJson.wholeOf "bytes" file
                            Sha256 = ManifestJson.textOf "sha256" file
                        }
                ]
            Tensors =
                [
                    for tensor in ManifestJson.listOf "tensors" json ->
                        {
                            ManifestTensor.Name = ManifestJson.textOf "name" tensor
                            Shape = sizes "shape" tensor
                            DType = ManifestJson.textOf "dtype" tensor
                            Pieces =
                                if version = 1L then
                                    [ only tensor ]
                                else
                                    List.map piece (ManifestJson.listOf "pieces" tensor)
                        }
                ]
        }

    /// Reads what `ToJson` writes. Anything else throws a `FormatException` that names `source`, the place and the rule.
    static member Parse(source: string, json: string) : ManifestPart =
        ManifestPart.Read(ManifestJson.parse source json, 2L)

    /// What all ranks wrote, as one: the pieces of a tensor stand together, in the order of the ranks.
    static member Join(parts: ManifestPart seq) : ManifestPart =
        let parts = List.ofSeq parts

        {
            Files =
                [
                    for part in parts do
                        yield! part.Files
                ]
            Tensors =
                [
                    for _, same in parts |> Seq.collect _.Tensors |> Seq.groupBy _.Name do
                        { Seq.head same with
                            Pieces =
                                [
                                    for tensor in same do
                                        yield! tensor.Pieces
                                ]
                        }
                ]
        }
