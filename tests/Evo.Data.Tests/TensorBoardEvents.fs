/// TensorBoard's event files, read back by the rules of the format: framing, checksums, messages.
module Evo.Data.Tests.TensorBoardEvents

open System
open System.IO
open System.Text
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch

/// CRC-32C bit by bit, as its polynomial says it.
let private crc32c (bytes: byte[]) =
    let mutable crc = 0xFFFFFFFFu

    for value in bytes do
        crc <- crc ^^^ uint32 value

        for _ in 1..8 do
            crc <- (crc >>> 1) ^^^ (if crc &&& 1u = 1u then 0x82F63B78u else 0u)

    ~~~crc

let private masked bytes =
    let crc = crc32c bytes
    ((crc >>> 15) ||| (crc <<< 17)) + 0xa282ead8u

/// The records of a file, whose lengths and checksums must hold to its last byte.
let private records path =
    use reader = new BinaryReader(File.OpenRead path)

    [
        while reader.BaseStream.Position < reader.BaseStream.Length do
            let length = reader.ReadBytes 8
            Assert.Equal(masked length, reader.ReadUInt32())
            let data = reader.ReadBytes(int (BitConverter.ToUInt64 length))
            Assert.Equal(masked data, reader.ReadUInt32())
            data
    ]

type private Field =
    | Number of uint64
    | Eight of byte[]
    | Four of byte[]
    | Part of byte[]

/// The fields of a protobuf message in order.
let private fields (message: byte[]) =
    let mutable at = 0

    let varint () =
        let mutable value, shift, more = 0UL, 0, true

        while more do
            value <- value ||| (uint64 (message[at] &&& 0x7Fuy) <<< shift)
            more <- message[at] >= 0x80uy
            shift <- shift + 7
            at <- at + 1

        value

    let take count =
        at <- at + count
        message[at - count .. at - 1]

    [
        while at < message.Length do
            let tag = varint ()

            int (tag >>> 3),
            match int (tag &&& 7UL) with
            | 0 -> Number(varint ())
            | 1 -> Eight(take 8)
            | 2 -> Part(take (int (varint ())))
            | 5 -> Four(take 4)
            | shape -> failwith $"shape {shape}"
    ]

let private parts number message =
    fields message
    |> List.choose (function
        | field, Part part when field = number -> Some part
        | _ -> None)

let private utf8 (bytes: byte[]) = Encoding.UTF8.GetString bytes

let private stepOf event =
    fields event
    |> List.tryPick (function
        | 2, Number step -> Some(int64 step)
        | _ -> None)
    |> Option.defaultValue 0L

/// Tag and number of every scalar of an event.
let private scalars event =
    [
        for summary in parts 5 event do
            for value in parts 1 summary do
                match parts 1 value, List.tryFind (fun (field, _) -> field = 2) (fields value) with
                | [ tag ], Some(_, Four number) -> utf8 tag, BitConverter.ToSingle number
                | _ -> ()
    ]

let private onlyFile folder =
    Assert.Single(Directory.GetFiles folder)

type private Clock(at: DateTimeOffset) =
    inherit TimeProvider()
    override _.GetUtcNow() = at

[<Fact>]
let ``numbers come back under their tags and steps, as float32, infinite ones too`` () =
    inFolder (fun folder ->
        let law (steps: (int64 * (string * float) list) list) =
            let folder = Path.Combine(folder, Guid.NewGuid().ToString "N")

            (use file = new EventFile(folder)

             for step, values in steps do
                 file.Scalars(step, [ for tag, value in values -> struct (tag, value) ]))

            let all = records (onlyFile folder)
            Assert.Equal<string list>([ "brain.Event:2" ], parts 3 all.Head |> List.map utf8)

            // Zero is the default of a number, and absent.
            [ for event in all.Tail -> stepOf event, scalars event ] =
                [
                    for step, values in steps -> step, [ for tag, value in values -> tag, float32 value ]
                ]

        let value =
            Gen.frequency
                [
                    4, Gen.choose (-1000000, 1000000) |> Gen.map (fun n -> float n / 97.0)
                    1, Gen.elements [ 0.0; infinity; -infinity; 1e-30; 1e30 ]
                ]

        let steps =
            Gen.listOf (
                Gen.zip
                    (Gen.choose (0, Int32.MaxValue) |> Gen.map (fun n -> int64 n * 3L))
                    (Gen.listOf (Gen.zip text value))
            )

        Check.One(cases 100, Prop.forAll (Arb.fromGen steps) law))

[<Fact>]
let ``a file begins as TensorFlow's do, byte for byte`` () =
    inFolder (fun folder ->
        let clock = Clock(DateTimeOffset.FromUnixTimeSeconds 1700000000L)

        (use _ = new EventFile(folder, Nullable(), clock)
         ())

        let path = onlyFile folder
        Assert.Matches(@"^events\.out\.tfevents\.1700000000\..+\.\d+\.0$", nonNull (Path.GetFileName path))
        let bytes = File.ReadAllBytes path
        // 24 bytes of data, their length's checksum, the time, the version.
        Assert.Equal("1800000000000000A37F4B2209", Convert.ToHexString bytes[..12])
        Assert.Equal(1700000000.0, BitConverter.ToDouble(bytes, 13))
        Assert.Equal("\u001a\rbrain.Event:2", Encoding.Latin1.GetString bytes[21..35])
        Assert.Equal(40, bytes.Length)
        // The checksum itself, as RFC 3720 tests it.
        Assert.Equal(0xE3069283u, crc32c (Encoding.ASCII.GetBytes "123456789")))

[<Fact>]
let ``a run that goes on voids what older files say of its steps`` () =
    inFolder (fun folder ->
        (use first = new EventFile(folder)
         first.Scalars(5L, [ struct ("loss", 2.0) ]))

        (use second = new EventFile(folder, Nullable 4L)
         second.Scalars(4L, [ struct ("loss", 3.0) ]))

        let files = Directory.GetFiles folder |> Array.sort
        Assert.Equal(2, files.Length)
        let events = records files[1]
        let start = events[1]
        Assert.Equal(4L, stepOf start)
        // SessionLog.status = START
        Assert.Equal<(int * Field) list>([ 1, Number 1UL ], fields (List.exactlyOne (parts 7 start))))

[<Fact>]
let ``text is a tensor of one string for the plugin of texts`` () =
    inFolder (fun folder ->
        (use file = new EventFile(folder)
         file.Text(0L, "config", "# a run"))

        let value =
            records (onlyFile folder)
            |> List.last
            |> parts 5
            |> List.exactlyOne
            |> parts 1
            |> List.exactlyOne

        Assert.Equal<string list>([ "config/text_summary" ], parts 1 value |> List.map utf8)
        let tensor = List.exactlyOne (parts 8 value)
        Assert.Contains((1, Number 7UL), fields tensor)
        Assert.Equal<string list>([ "# a run" ], parts 8 tensor |> List.map utf8)
        let plugin = parts 9 value |> List.exactlyOne |> parts 1 |> List.exactlyOne
        Assert.Equal<string list>([ "text" ], parts 1 plugin |> List.map utf8))

[<Fact>]
let ``a folder that cannot be is refused by name`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "file")
        File.WriteAllText(path, "")
        refused path "TensorBoard" (fun () -> new EventFile(Path.Combine(path, "inner"))))
