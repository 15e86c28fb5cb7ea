/// Data sets that are larger than memory, and data sets that are not there at all.
module Evo.Data.Tests.BigData

open System
open System.Diagnostics
open System.IO
open Evo.Core
open Evo.Data
open Xunit
open Evo.Data.Tests.Scratch

/// Nothing else runs while memory is measured.
[<CollectionDefinition("memory", DisableParallelization = true)>]
type Memory() = class end

/// Bytes of this process that are in memory, mapped files included.
let private resident () =
    GC.Collect()
    GC.WaitForPendingFinalizers()
    GC.Collect()
    use self = Process.GetCurrentProcess()
    self.WorkingSet64

[<Collection "memory">]
type BigData() =

    [<Fact>]
    member _.``20 GB are opened in under a second and take less than 50 MB``() =
        inFolder (fun folder ->
            let path = Path.Combine(folder, "en", "big.bin")
            let documents = 1_000_000
            let bytes = 20L <<< 30
            let first = "{\"tokens\": [" + String.Join(", ", Array.create 100 7) + "]}\n"
            let stride = (bytes - int64 first.Length) / int64 documents
            Directory.CreateDirectory(Path.Combine(folder, "en")) |> ignore

            do
                // A file with a hole: it has a size, and takes no room on the disk.
                use bin = File.Create path
                bin.Write(System.Text.Encoding.ASCII.GetBytes first)
                bin.SetLength bytes
                use meta = File.Create(path + ".meta")
                use writer = new BinaryWriter(new BufferedStream(meta, 1 <<< 20))

                let shape =
                    $"{{'descr': '<i8', 'fortran_order': False, 'shape': ({documents}, 2), }}"

                writer.Write [| 0x93uy; byte 'N'; byte 'U'; byte 'M'; byte 'P'; byte 'Y'; 1uy; 0uy |]
                writer.Write(uint16 118)
                writer.Write(System.Text.Encoding.ASCII.GetBytes(shape.PadRight 117 + "\n"))

                for document in 0 .. documents - 1 do
                    writer.Write(
                        if document = 0 then
                            0L
                        else
                            int64 first.Length + int64 (document - 1) * stride
                    )

                    writer.Write(
                        if document = 0 then
                            100L
                        else
                            500L + int64 document * 7919L % 3000L
                    )

            let before = resident ()
            let clock = Stopwatch.StartNew()
            use data = TokenDataset.Open folder
            let opened = clock.Elapsed
            let stream = DocumentStream.Shuffled(data.Lengths, 0, data.DocumentCount, 7UL)
            let plan = BestFitRows(stream, 4096, 8192)
            let planned = clock.Elapsed - opened
            let added = resident () - before

            (nonNull TestContext.Current.TestOutputHelper)
                .WriteLine(
                    $"opened in {opened.TotalSeconds:F2} s, {plan.Rows} rows planned in {planned.TotalSeconds:F2} s, {added >>> 20} MB added, padding {1.0 - float plan.Tokens / float (plan.Rows * 8192L):P2}"
                )

            Assert.Equal(documents, data.DocumentCount)
            Assert.True(opened < TimeSpan.FromSeconds 1.0, $"opened in {opened}")
            Assert.True(planned < TimeSpan.FromSeconds 5.0, $"planned in {planned}")
            Assert.True(added < (50L <<< 20), $"{added} bytes more in memory")
            GC.KeepAlive plan)

[<Fact>]
let ``dummy data is InternEvo's, which numpy draws`` () =
    // The first numbers of RandomState(1999).randint(1, 30, size=12) and of the draw of 10 to 199 after it.
    use data = new DummyFile(64, false, Nullable 30000, 12)

    Assert.Equal<int>([ 4; 1; 1; 13; 12; 24; 19; 19; 12; 19; 23; 5 ], [ for d in 0..11 -> data.Read(d)[0] ])

    Assert.Equal<int>(
        [ 110; 14; 163; 154; 182; 187; 112; 53; 112; 78; 101; 151 ],
        [ for d in 0..11 -> data.Read(d)[1] ]
    )

    Assert.Equal<int>([| 1; 14; 0; 0; 0; 0; 0; 0; 0; 0; 0; 0; 0; 0; 0; 0 |], data.Read 1)
    Assert.Equal<int>([| 4; 110; 0; 1; 2; 3; 0; 1; 2; 3 |], (data.Read 0)[..9])
    Assert.Equal(64, data.Length 0)

    use full = new DummyFile(64, true, Nullable(), 12)
    Assert.Equal<int>([| 1; 112; 0; 0 |], (full.Read 1)[..3]) // 14 times 1, doubled until 64 are reached: 28, 56, 112
    Assert.All(seq { 0..11 }, fun d -> Assert.Equal(64, full.Length d))
    refused "dummy data" "set model.vocab_size" (fun () -> new DummyFile(64, true, Nullable 20, 12))

[<Fact>]
let ``dummy data is a data set`` () =
    use data = TokenDataset.Of("dummy", new DummyFile(128))
    Assert.Equal(1_000_000, data.DocumentCount)
    Assert.Equal(128_000_000L, data.Tokens)

    let reader =
        RowReader(
            data,
            CutRows(DocumentStream.Shuffled(data.Lengths, 0, data.DocumentCount, 1UL), 128, 256, true)
        )

    Assert.Equal(500_000L, reader.Rows)
    Assert.Equal(256, reader.Read(499_999L).Tokens.Length)
