/// Pickles that ask for more than tensors: each is refused with its byte position, and nothing of it is ever executed.
module Evo.Data.Tests.HostilePickles

open System
open System.IO
open System.Text
open Evo.Data
open Xunit
open Evo.Data.Tests.PickleWriter
open Evo.Data.Tests.Scratch

let private whole parts =
    Array.concat ([ proto 2 ] @ parts @ [ stop ])

let private ascii (text: string) = Encoding.ASCII.GetBytes text
let private long (value: int64) = BitConverter.GetBytes value
let private int' (value: int) = BitConverter.GetBytes value

/// Names that run something, by the ways in which a pickle can name them.
let private runs: (string * byte[]) list =
    [
        for m, name in
            [
                "os", "system"
                "posix", "system"
                "builtins", "eval"
                "builtins", "getattr"
                "__builtin__", "exec"
                "subprocess", "Popen"
                "torch", "load"
                "torch.hub", "load"
                "torch._utils", "_rebuild_tensor"
                "torch._utils", "__builtins__"
                "collections", "OrderedDict.__init__"
                "numpy.core.multiarray", "_reconstruct"
                "torch", "FloatStorage.from_file"
            ] do
            let what = $"it names {m}.{name}"
            what, whole [ reduce (global' m name) [ unicode "touch /tmp/owned" ] ]
            what, whole [ reduce (stackGlobal m name) [ unicode "touch /tmp/owned" ] ]
            // Named only, never called.
            what, whole [ ordered; setItems [ unicode "w", global' m name ] ]
    ]

let private others: (string * byte[]) list =
    let nested levels =
        whole
            [
                Array.concat (List.replicate levels emptyList)
                Array.concat (List.replicate (levels - 1) (letter 'a' []))
            ]

    [
        "opcode INST of os.system", whole [ mark; unicode "ls"; letter 'i' [ ascii "os\nsystem\n" ] ]
        "opcode OBJ", whole [ mark; global' "collections" "OrderedDict"; letter 'o' [] ]
        "opcode NEWOBJ", whole [ global' "collections" "OrderedDict"; tuple []; op 0x81 [] ]
        "opcode NEWOBJ_EX", whole [ op 0x92 [] ]
        "opcode EXT1", whole [ op 0x82 [ [| 1uy |] ] ]
        "opcode PERSID", whole [ letter 'P' [ ascii "storage\n" ] ]
        "opcode STRING", whole [ letter 'S' [ ascii "'a'\n" ] ]
        "opcode NEXT_BUFFER", whole [ op 0x97 [] ]
        "unknown opcode 0xff", whole [ op 0xff [] ]
        "protocol 0", Array.concat [ proto 0; emptyDict; stop ]
        "protocol 6", Array.concat [ proto 6; emptyDict; stop ]
        "a call of a text", whole [ reduce (unicode "os.system") [ unicode "ls" ] ]
        "a call of a dictionary", whole [ reduce ordered [] ]
        "torch.FloatStorage called", whole [ reduce (global' "torch" "FloatStorage") [ number 10L ] ]
        "collections.OrderedDict called", whole [ reduce (global' "collections" "OrderedDict") [ emptyList ] ]
        "_rebuild_parameter called",
        whole [ reduce (global' "torch._utils" "_rebuild_parameter") [ number 1L ] ]
        "STACK_GLOBAL without two texts", whole [ number 1L; unicode "x"; op 0x93 [] ]
        "a persistent id that is a text", whole [ unicode "storage"; letter 'Q' [] ]
        "a persistent id that is a tuple of 5",
        whole
            [
                tuple
                    [
                        unicode "module"
                        global' "torch" "FloatStorage"
                        unicode "0"
                        unicode "cpu"
                        number 1L
                    ]
                letter 'Q' []
            ]
        "a storage of -1 elements", whole [ storage "Float" "0" -1L ]
        "BUILD of a list", whole [ emptyList; emptyDict; letter 'b' [] ]
        "BUILD of a dictionary from a tuple", whole [ ordered; tuple []; letter 'b' [] ]
        "a list as a key", whole [ emptyDict; emptyList; none; letter 's' [] ]
        "a key without a value", whole [ emptyDict; mark; unicode "a"; letter 'u' [] ]
        "items for a dictionary", whole [ emptyDict; none; letter 'a' [] ]
        "memo 3 was never given", whole [ get 3 ]
        "memo 0 is given twice", whole [ none; put 0; put 0 ]
        "the stack is empty", whole [ put 0 ]
        "the stack is empty", whole [ none; mark; letter '0' [] ]
        "no mark", whole [ none; letter 't' [] ]
        "0 values are left", whole []
        "2 values are left", whole [ none; none ]
        "1 values are left", whole [ none; mark ]
        "bytes follow the end", Array.append (whole [ none ]) [| 1uy |]
        // A value inside itself: directly, through another, through a tuple.
        "a list inside itself", whole [ emptyList; put 0; get 0; letter 'a' [] ]
        "a dictionary inside itself", whole [ ordered; put 0; get 0; letter 'b' [] ]
        "a dictionary inside itself", whole [ emptyDict; put 0; unicode "a"; get 0; letter 's' [] ]
        "changes after it was put into another",
        whole
            [
                emptyList
                put 0
                emptyList
                get 0
                letter 'a' []
                put 1
                letter '0' []
                get 1
                letter 'a' []
            ]
        "changes after it was put into another", whole [ emptyList; put 0; get 0; op 0x85 []; letter 'a' [] ]
        "deep", nested 1000
        // Lengths that nothing bears out.
        "4294967295 bytes are announced", whole [ letter 'X' [ int' -1; ascii "a" ] ]
        "9223372036854775807 bytes are announced", whole [ op 0x8d [ long Int64.MaxValue ] ]
        "-1 bytes are announced", whole [ op 0x8d [ long -1L ] ]
        "2147483647 bytes are announced", whole [ letter 'B' [ int' Int32.MaxValue ] ]
        "4611686018427387904 bytes are announced", whole [ op 0x95 [ long (1L <<< 62) ] ]
        "-2147483648 bytes are announced", whole [ op 0x8b [ int' Int32.MinValue ] ]
        "a number of 9 bytes", whole [ op 0x8a [ [| 9uy |]; Array.zeroCreate 9 ] ]
        "a name of more than", whole [ letter 'c' [ Array.create 1000 (byte 'a') ] ]
        "no UTF-8", whole [ op 0x8c [ [| 1uy; 0xffuy |] ] ]
        "1 bytes are announced where 0 follow", proto 2
        "is a list", whole [ ordered; setItems [ unicode "w", emptyList ] ]
        "is bytes", whole [ ordered; setItems [ unicode "w", op (int 'C') [ [| 1uy; 65uy |] ] ] ]
        // What a terminal would obey is shown as text.
        "names os.\\u001b[2J", whole [ global' "os" "\u001b[2J" ]
    ]

[<Fact>]
let ``whatever is no tensor is refused, by name and byte position`` () =
    Assert.True(runs.Length + others.Length > 80)

    inFolder (fun folder ->
        let path = Path.Combine(folder, "pytorch_model.bin")

        for reason, pickle in runs @ others do
            File.WriteAllBytes(path, torchFile pickle [])
            refused path reason (fun () -> TorchFile.Open path))

[<Fact>]
let ``the place of a name that is refused is told`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "pytorch_model.bin")
        File.WriteAllBytes(path, torchFile (whole [ none; letter '0' []; global' "os" "system" ]) [])
        refused path "data.pkl, byte 4: it names os.system; " (fun () -> TorchFile.Open path))

[<Fact>]
let ``values cost what their bytes do, however often they are repeated`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "pytorch_model.bin")
        // Each line doubles what the value would be if it were written out: 2^60 texts from 180 bytes.
        let doubled =
            Array.concat (List.replicate 60 (Array.concat [ letter '2' []; op 0x86 [] ]))

        let million =
            Array.concat [ mark; Array.create 1_000_000 (byte '}'); letter 't' [] ]

        for pickle in [ whole [ unicode "a"; doubled ]; whole [ million ] ] do
            let content = torchFile pickle []
            File.WriteAllBytes(path, content)
            let before = GC.GetAllocatedBytesForCurrentThread()

            Assert.Throws<DataException>(fun () -> (TorchFile.Open path).Dispose())
            |> ignore

            let spent = GC.GetAllocatedBytesForCurrentThread() - before

            Assert.True(
                spent < 200_000L + 200L * int64 content.Length,
                $"{spent} bytes for a file of {content.Length}"
            ))
