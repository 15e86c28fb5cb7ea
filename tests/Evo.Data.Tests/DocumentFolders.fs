/// Folders of documents: those that Hugging Face's data-set library saves, those of its hub, and any other.
module Evo.Data.Tests.DocumentFolders

open System.IO
open Evo.Data
open Xunit
open Evo.Data.Tests.Scratch
open Evo.Data.Tests.DocumentWriters

let private put (folder: string) (name: string) (content: string) =
    let path = Path.Combine(folder, name)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    File.WriteAllText(path, content)

let private names folder (split: string | null) =
    [
        for file in DocumentFolder.Files(folder, split) -> Path.GetRelativePath(folder, file)
    ]

[<Fact>]
let ``a saved data set is its data files in their order, without what the library keeps beside them`` () =
    inFolder (fun folder ->
        let state files =
            let names =
                String.concat ", " [ for file in files -> $"{{\"filename\": \"{file}\"}}" ]

            $"{{\"_data_files\": [{names}], \"_fingerprint\": \"1\", \"_split\": \"train\"}}"

        for split, files in [ "train", [ "data-1.arrow"; "data-0.arrow" ]; "test", [ "data-0.arrow" ] ] do
            put folder $"{split}/state.json" (state files)
            put folder $"{split}/dataset_info.json" "{}"
            put folder $"{split}/cache-1a2b.arrow" ""

            for i, file in List.indexed files do
                let text = $"{split} {i}"

                arrow
                    false
                    None
                    (fun _ -> Apache.Arrow.StringArray.Builder().Append(text).Build())
                    1
                    (Path.Combine(folder, split, file))
                    [ text ]

        let train = Path.Combine(folder, "train")
        Assert.Equal<string list>([ "data-1.arrow"; "data-0.arrow" ], names train null)
        put folder "dataset_dict.json" """{"splits": ["train", "test"]}"""
        Assert.Equal<string list>([ "train/data-1.arrow"; "train/data-0.arrow" ], names folder "train")

        let texts =
            DocumentFolder.Files(folder, "train")
            |> Seq.collect (fun file -> TextFiles.Documents file)

        Assert.Equal<string>([ "train 0"; "train 1" ], texts)
        refused "dataset_dict.json" "the splits train, test" (fun () -> DocumentFolder.Files folder)
        refused "dataset_dict.json" "no split 'dev'" (fun () -> DocumentFolder.Files(folder, "dev"))
        put folder "train/state.json" (state [ "../test/data-0.arrow" ])
        refused "state.json" "lie beside" (fun () -> DocumentFolder.Files train)
        put folder "train/state.json" "[]"
        refused "state.json" "not what the data-set library writes" (fun () -> DocumentFolder.Files train))

[<Fact>]
let ``any other folder is the files of documents below it by name, of one split where one is named`` () =
    inFolder (fun folder ->
        for name in
            [
                "README.md"
                "dataset_infos.json"
                "data/train-00001-of-00002.parquet"
                "data/train-00000-of-00002.parquet"
                "data/test-00000-of-00001.parquet"
                "more/train/a.jsonl.zst"
                "training.txt"
            ] do
            put folder name ""

        let train =
            [
                "data/train-00000-of-00002.parquet"
                "data/train-00001-of-00002.parquet"
                "more/train/a.jsonl.zst"
            ]

        Assert.Equal<string list>(
            "data/test-00000-of-00001.parquet" :: train @ [ "training.txt" ],
            names folder null
        )

        Assert.Equal<string list>(train, names folder "train")
        refused folder "no file of documents of split 'dev'" (fun () -> DocumentFolder.Files(folder, "dev"))

        refused "nowhere" "no such file or folder" (fun () ->
            DocumentFolder.Files(Path.Combine(folder, "nowhere"))))
