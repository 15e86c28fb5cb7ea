/// Writers of the formats that documents come in, none of them ours: what the tests read.
module Evo.Data.Tests.DocumentWriters

open System
open System.IO
open System.IO.Compression
open System.Text
open System.Text.Json
open Apache.Arrow
open Apache.Arrow.Compression
open Apache.Arrow.Ipc
open Apache.Arrow.Types
open Parquet
open Parquet.Schema

/// A format: its name in messages, the end of a file's name, and the file of rows of which some have no text.
type Format =
    {
        Name: string
        Ending: string
        Write: string -> (string | null) list -> unit
    }

let private isText (text: string | null) = not (String.IsNullOrEmpty text)

let private lines (texts: (string | null) list) =
    texts
    |> List.filter isText
    |> List.map (fun text -> JsonSerializer.Serialize {| id = 7; text = text |} + "\n")
    |> String.concat ""
    |> Encoding.UTF8.GetBytes

let private through (over: FileStream -> Stream) (path: string) (bytes: byte[]) =
    use file = File.Create path
    use stream = over file
    stream.Write bytes

let private strings (texts: (string | null) list) : IArrowArray =
    let builder = StringArray.Builder()

    for text in texts do
        match text with
        | null -> builder.AppendNull() |> ignore
        | text -> builder.Append text |> ignore

    builder.Build()

// The library has no builder of these: offsets of 64 bits, and one bit a row that says whether it is there.
let private largeStrings (texts: (string | null) list) : IArrowArray =
    let bytes =
        texts
        |> List.map (function
            | null -> [||]
            | text -> Encoding.UTF8.GetBytes text)

    let offsets =
        ArrowBuffer
            .Builder<int64>()
            .AppendRange(bytes |> List.scan (fun at text -> at + int64 text.Length) 0L)
            .Build()

    let there =
        ArrowBuffer.BitmapBuilder().AppendRange([ for text in texts -> not (isNull text) ]).Build()

    let values = ArrowBuffer.Builder<byte>().AppendRange(Array.concat bytes).Build()
    let absent = texts |> List.filter isNull |> List.length

    new LargeStringArray(
        new ArrayData(LargeStringType.Default, texts.Length, absent, 0, [ there; offsets; values ])
    )

let private views (texts: (string | null) list) : IArrowArray =
    let builder = StringViewArray.Builder()

    for text in texts do
        match text with
        | null -> builder.AppendNull() |> ignore
        | text -> builder.Append(text, Encoding.UTF8) |> ignore

    builder.Build()

let private coded (texts: (string | null) list) : IArrowArray =
    let different = texts |> List.filter (isNull >> not) |> List.distinct
    let indices = Int16Array.Builder()

    for text in texts do
        if isNull text then
            indices.AppendNull() |> ignore
        else
            indices.Append(int16 (List.findIndex ((=) text) different)) |> ignore

    new DictionaryArray(
        DictionaryType(Int16Type.Default, StringType.Default, false),
        indices.Build(),
        strings different
    )

let private inStruct (texts: (string | null) list) : IArrowArray =
    let inner = strings texts
    let fields = [ Apache.Arrow.Field("text", StringType.Default, true) ]
    new StructArray(StructType fields, texts.Length, [ inner ], ArrowBuffer.Empty, 0)

/// An Arrow file in batches of so many rows, with a column of numbers before the texts.
let arrow
    isFile
    (codec: CompressionCodecType option)
    column
    rows
    (path: string)
    (texts: (string | null) list)
    =
    use stream = File.Create path

    let batches =
        [
            for part in texts |> List.chunkBySize rows do
                let numbers = Int32Array.Builder().AppendRange([ 1 .. part.Length ]).Build()
                let array: IArrowArray = column part
                let name = if array :? StructArray then "outer" else "text"

                let schema =
                    Apache.Arrow.Schema(
                        [
                            Apache.Arrow.Field("id", Int32Type.Default, false)
                            Apache.Arrow.Field(name, array.Data.DataType, true)
                        ],
                        null
                    )

                new RecordBatch(schema, [ numbers :> IArrowArray; array ], part.Length)
        ]

    let options = IpcOptions()

    match codec with
    | Some codec ->
        options.CompressionCodec <- Nullable codec
        options.CompressionCodecFactory <- CompressionCodecFactory()
    | None -> ()

    use writer =
        if isFile then
            new ArrowFileWriter(stream, batches.Head.Schema, false, options) :> ArrowStreamWriter
        else
            new ArrowStreamWriter(stream, batches.Head.Schema, false, options)

    for batch in batches do
        writer.WriteRecordBatch batch

    writer.WriteEnd()
    // The library writes from native memory that goes with the batch.
    GC.KeepAlive batches

/// A Parquet file in row groups of so many rows, with a column of numbers before the texts.
let parquet (codec: CompressionMethod) isCoded rows (path: string) (texts: (string | null) list) =
    let number, text = DataField<int> "id", DataField("text", typeof<string>, true)
    let schema = ParquetSchema(number, text)

    let options =
        ParquetOptions(
            CompressionMethod = codec,
            DictionaryEncodingThreshold = (if isCoded then 1.0 else 0.0)
        )

    if isCoded then
        options.ColumnEncodingHints["text"] <- EncodingHint.Dictionary

    task {
        use stream = File.Create path
        let! writer = ParquetWriter.CreateAsync(schema, stream, options)
        use writer = writer

        for part in texts |> List.chunkBySize rows do
            use group = writer.CreateRowGroup()
            do! group.WriteAsync<int>(number, ReadOnlyMemory [| 1 .. part.Length |])
            do! group.WriteAsync(text, Array.ofList part)
    }
    |> _.GetAwaiter().GetResult()

let formats: Format list =
    [
        let format name ending write =
            {
                Name = name
                Ending = ending
                Write = write
            }

        format "jsonl" ".jsonl" (fun path texts -> File.WriteAllBytes(path, lines texts))

        format "jsonl, gzip" ".jsonl.gz" (fun path texts ->
            through (fun file -> new GZipStream(file, CompressionLevel.Fastest)) path (lines texts))

        format "jsonl, zstd" ".jsonl.zst" (fun path texts ->
            through (fun file -> new ZstdSharp.CompressionStream(file)) path (lines texts))

        format "json list" ".json" (fun path texts ->
            File.WriteAllText(
                path,
                JsonSerializer.Serialize [ for text in texts |> List.filter isText -> {| text = text |} ]
            ))

        format "arrow stream" ".arrow" (arrow false None strings 3)
        format "arrow file" ".feather" (arrow true None strings 3)
        format "arrow, large strings" ".arrow" (arrow false None largeStrings 4)
        format "arrow, views" ".arrow" (arrow false None views 4)
        format "arrow, dictionary" ".arrow" (arrow false None coded 100_000) // one dictionary for all
        format "arrow, zstd" ".arrow" (arrow true (Some CompressionCodecType.Zstd) strings 9)
        format "arrow, lz4" ".arrow" (arrow false (Some CompressionCodecType.Lz4Frame) strings 9)
        format "parquet" ".parquet" (parquet CompressionMethod.None false 5)
        format "parquet, dictionary" ".parquet" (parquet CompressionMethod.Snappy true 5)
        format "parquet, snappy" ".parquet" (parquet CompressionMethod.Snappy false 7)
        format "parquet, gzip" ".parquet" (parquet CompressionMethod.Gzip false 7)
        format "parquet, zstd" ".parquet" (parquet CompressionMethod.Zstd false 7)
        format "parquet, brotli" ".parquet" (parquet CompressionMethod.Brotli true 7)
    ]

/// An Arrow stream whose texts lie in a struct, as `outer.text`.
let nested (path: string) texts = arrow false None inStruct 3 path texts

/// Parquet files that Arrow's C++ library (25.0.1) wrote, six rows a page: pages of the second layout with lengths in
/// zstd and with shared beginnings in gzip, and a dictionary in snappy with pages of the first. Row i holds nothing where
/// i % 7 = 3, an empty text where i % 5 = 0, and otherwise "a bee sees {i / 2} foxes".
let golden =
    [
        "lengths",
        "UEFSMRUGFYgBFXJcFQgVAhUIFQwVBBUAEQAAAwcotS/9IEJ1AQBUAoABBAMAAAUAAAASAGEgYmVlIHNlZXMgMCBmb3hlczEgZm94ZXMCAGoawQN0FQYVtAEVblwVCBUAFQgVDBUEFQARAAAIASi1L/0gWGUBABQCgAEEBCQjBgAAAAApAQBhIGJlZSBzZWVzIDIgZm94ZXMzAwAACDXjkAZKFQYVhAEValwVCBUCFQgVDBUEFQARAAADCyi1L/0gQFUBADQCgAEEAyQAAAAAAGEgYmVlIHNlZXMgNCBmb3hlczUgZm94ZXMBANQ9nRUGFawBFXRcFQgVABUIFQwVBBUAEQAACAEotS/9IFR9AQBkAoABBAQkIwUAAABSAgBhIGJlZSBzZWVzIDYgZm94ZXM3IGZveGVzAgBq3uEMvhUGFYQBFWBcFQgVAhUIFQwVBBUAEQAAAw0otS/9IEAtAQDogAEEAyQAAAAAAGEgYmVlIHNlZXMgOCBmb3hlczkCAAAIKp5OFQYVsgEVbFwVCBUAFQgVDBUEFQARAAAIASi1L/0gV10BAAQCgAEEBAAABQAAABMAYSBiZWUgc2VlcyAxMCBmb3hlczEDAGARbXLBA3QZbBYIFaABFgAAFqgBFZwBFggAFsQCFZgBFhAAFtwDFaIBFhgAFv4EFY4BFiAAFowGFZoBFigAGWZIbGxsbHIAFQQZLDUAGAZzY2hlbWEVAgAVDCUCGAR0ZXh0JQBMHAAAABYwGRwZHCYAHBUMGSUGDBkYBHRleHQVDBYwFrYJFp4HJghJHBUAFQwVDAA8FuoEGQYZJgYqAAAWpgcVgAEAFrYJFjAmCBaeBwAoIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjUuMC4xGRwcAAAAkwAAAFBBUjE="
        "prefixes",
        "UEFSMRUGFaYBFYQBXBUIFQIVCBUOFQQVABEAAAMHH4sIAAAAAAACA2tgZGFmYGBhYGDYwIAKGkAyoqxAliwDJkhUSEpNVShOTS1WMFBIy69ILTaEUABlI0DpUQAAABUGFcwBFYoBXBUIFQAVCBUOFQQVABEAAAgBH4sIAAAAAAACA2tgZGFhYGBlAAIPBgzQAJRVUWYDMTkZsIJEhaTUVIXi1NRiBSOFtPyK1GIkEWOICABFlpTFZAAAABUGFa4BFYYBXBUIFQIVCBUOFQQVABEAAAMLH4sIAAAAAAACA2tgZGFm4GVlYGCQZMAEDUBZFWWQrAIzpmyiQlJqqkJxamqxgolCWn5FarEphAIAz7FwqlUAAAAVBhWuARWGAVwVCBUAFQgVDhUEFQARAAAIAR+LCAAAAAAAAgNrYGRhYRBlZWBgmMuACRqAsirKIFkFfUzZRIWk1FSF4tTUYgUzhbT8itRicwgFAK0nUk9VAAAAFQYVjgEVhAFcFQgVAhUIFQ4VBBUAEQAAAw0fiwgAAAAAAAIDa2BkYWbgY2ZgYGBhQIAGoKiKKEhUAUk0USEpNVWhODW1WMFCIS2/IrXYEkIBAKKp7E5FAAAAFQYVqAEViAFcFQgVABUIFQ4VBBUAEQAACAEfiwgAAAAAAAIDa2BkYWFgACKGA+wMKKABJCPOCmTJizBggESFpNRUheLU1GIFQwOFtPyK1GJDCAUAMZHJD1IAAAAZbBYIFbQBFgAAFrwBFboBFggAFvYCFbYBFhAAFqwEFbYBFhgAFuIFFbQBFiAAFpYHFbgBFigAGWZIbGxsbHIAFQQZLDUAGAZzY2hlbWEVAgAVDCUCGAR0ZXh0JQBMHAAAABYwGRwZHCYAHBUMGSUGDhkYBHRleHQVBBYwFqQKFsYIJghJHBUAFQ4VDAA8FuoEGQYZJgYqAAAWzggVgAEAFqQKFjAmCBbGCAAoIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjUuMC4xGRwcAAAAkwAAAFBBUjE="
        "dictionary",
        "UEFSMRUEFZwEFcABTBUaFQASAACOAmQAAAAAEgAAAGEgYmVlIHNlZXMgMCBmb3hlczoWAAAxUhYAADJSFgAAM1IWAAA0UhYAADVSFgAANlIWAAA3UhYAADhSFgAAOQkWABM23AAAMQ3dPhcAGDEgZm94ZXMVABUUFRgsFQgVEBUGFQYAAAokAgAAAAMHAgMkABUAFRYVGiwVCBUQFQYVBgAACygCAAAACAEDAwMJABUAFRYVGiwVCBUQFQYVBgAACygCAAAAAwsDA60BABUAFRgVHCwVCBUQFQYVBgAADCwCAAAACAEEA3cIAAAVABUYFRwsFQgVEBUGFQYAAAwsAgAAAAMNBAOpCgAAFQAVGBUcLBUIFRAVBhUGAAAMLAIAAAAIAQQDsMwAABlsFugBFToWAAAWogIVPBYIABbeAhU8FhAAFpoDFT4WGAAW2AMVPhYgABaWBBU+FigAGWZIbGxsbHIAFQQZLDUAGAZzY2hlbWEVAgAVDCUCGAR0ZXh0JQBMHAAAABYwGRwZHCYAHBUMGTUABhAZGAR0ZXh0FQIWMBaQBxbMBCboASYIKSwVBBUAFQIAFQAVEBUMADwW6gQZBhkmBioAABbUBBV2ABaQBxYwJggWzAQAKCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI1LjAuMRkcHAAAAJ0AAABQQVIx"
    ]

/// The texts of the golden files, with those that are none.
let goldenRows: (string | null) list =
    [
        for i in 0..23 ->
            if i % 7 = 3 then null
            elif i % 5 = 0 then ""
            else $"a bee sees {i / 2} foxes"
    ]
