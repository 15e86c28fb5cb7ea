/// A tiny writer of pickles and of the archives around them, so that tests can make any file, sound or hostile, without Python.
module Evo.Data.Tests.PickleWriter

open System
open System.IO
open System.Text

/// The number of an opcode and its bytes.
let op (code: int) (parts: byte[] list) : byte[] = Array.concat ([| byte code |] :: parts)

let letter (code: char) parts = op (int code) parts

let private utf8 (text: string) = Encoding.UTF8.GetBytes text
let proto (version: int) = op 0x80 [ [| byte version |] ]
let stop = letter '.' []
let mark = letter '(' []
let none = letter 'N' []
let yes = op 0x88 []
let no = op 0x89 []

let unicode (value: string) =
    letter 'X' [ BitConverter.GetBytes(uint32 (utf8 value).Length); utf8 value ]

let number (value: int64) =
    op 0x8a [ [| 8uy |]; BitConverter.GetBytes value ]

let global' (m: string) (name: string) =
    letter 'c' [ utf8 (m + "\n" + name + "\n") ]

let stackGlobal (m: string) (name: string) =
    Array.concat [ unicode m; unicode name; op 0x93 [] ]

let tuple (items: byte[] list) =
    Array.concat ([ mark ] @ items @ [ letter 't' [] ])

let reduce (callee: byte[]) (arguments: byte[] list) =
    Array.concat [ callee; tuple arguments; letter 'R' [] ]

let emptyDict = letter '}' []
let emptyList = letter ']' []
let put (memo: int) = letter 'q' [ [| byte memo |] ]
let get (memo: int) = letter 'h' [ [| byte memo |] ]
let ordered = reduce (global' "collections" "OrderedDict") []

let setItems (pairs: (byte[] * byte[]) list) =
    Array.concat
        [
            mark
            Array.concat [ for key, value in pairs -> Array.append key value ]
            letter 'u' []
        ]

/// A storage by its persistent id.
let storage (kind: string) (key: string) (elements: int64) =
    Array.concat
        [
            tuple
                [
                    unicode "storage"
                    global' "torch" (kind + "Storage")
                    unicode key
                    unicode "cpu"
                    number elements
                ]
            letter 'Q' []
        ]

/// A view of a storage.
let tensor (over: byte[]) (offset: int64) (sizes: int64 list) (strides: int64 list) =
    reduce
        (global' "torch._utils" "_rebuild_tensor_v2")
        [
            over
            number offset
            tuple (List.map number sizes)
            tuple (List.map number strides)
            no
            ordered
        ]

/// A state dictionary as a whole pickle.
let stateDict (entries: (string * byte[]) list) =
    Array.concat
        [
            proto 2
            ordered
            setItems [ for name, value in entries -> unicode name, value ]
            stop
        ]

/// An entry of an archive, with what may be wrong about it.
type Entry =
    {
        Name: string
        Bytes: byte[]
        Method: int
    }

let entry name bytes =
    {
        Name = name
        Bytes = bytes
        Method = 0
    }

/// Writes a zip archive of stored entries whose bytes are aligned to 64, as torch.save does.
let writeArchive (out: Stream) (entries: Entry list) =
    use writer = new BinaryWriter(out, Encoding.UTF8, leaveOpen = true)

    let header (entry: Entry) =
        writer.Write(uint16 20)
        writer.Write(uint16 0)
        writer.Write(uint16 entry.Method)
        writer.Write(uint32 0)
        writer.Write(uint32 0)
        writer.Write(uint32 entry.Bytes.Length)
        writer.Write(uint32 entry.Bytes.Length)
        writer.Write(uint16 (utf8 entry.Name).Length)

    let starts =
        [
            for entry in entries do
                let start = out.Position

                let padding =
                    int ((64L - (start + 30L + int64 (utf8 entry.Name).Length + 4L) % 64L) % 64L)

                writer.Write 0x04034b50u
                header entry
                writer.Write(uint16 (4 + padding))
                writer.Write(utf8 entry.Name)
                writer.Write(uint16 0x4246)
                writer.Write(uint16 padding)
                writer.Write(Array.create padding (byte 'Z'))
                writer.Write entry.Bytes
                start
        ]

    let directory = out.Position

    for entry, start in List.zip entries starts do
        writer.Write 0x02014b50u
        writer.Write(uint16 0)
        header entry

        for _ in 1..4 do
            writer.Write(uint16 0)

        writer.Write(uint32 0)
        writer.Write(uint32 start)
        writer.Write(utf8 entry.Name)

    let size = out.Position - directory
    writer.Write 0x06054b50u
    writer.Write 0u
    writer.Write(uint16 entries.Length)
    writer.Write(uint16 entries.Length)
    writer.Write(uint32 size)
    writer.Write(uint32 directory)
    writer.Write(uint16 0)

/// The archive as bytes.
let archive (entries: Entry list) : byte[] =
    use out = new MemoryStream()
    writeArchive out entries
    out.ToArray()

/// The entries of a pickle and its storages.
let torchEntries (pickle: byte[]) (storages: (string * byte[]) list) =
    [
        entry "model/data.pkl" pickle
        for key, bytes in storages do
            entry $"model/data/{key}" bytes
        entry "model/version" (utf8 "3\n")
    ]

/// An archive of a pickle and its storages.
let torchFile (pickle: byte[]) (storages: (string * byte[]) list) = archive (torchEntries pickle storages)
