namespace Evo.Data;

/// <summary>What was split: documents read, different ones, their bytes, and how they fell.</summary>
public sealed record TextSplitResult(long Texts, int Distinct, long TextBytes, int Train, int Valid);

/// <summary>A person's own text files into one .jsonl for training and one for validation, with no text in both.</summary>
public static class TextSplit
{
    /// <summary>Splits the documents of all inputs; both outputs have their names only when they are complete.</summary>
    /// <param name="inputs">Files of any format that <see cref="DocumentFile.Open"/> knows (field <c>text</c>), in order.</param>
    /// <param name="heldOut">The share of different documents for validation; 0 writes no file for it.</param>
    /// <param name="maxDocuments">Stop after so many different documents; 0 for all.</param>
    /// <param name="trainPath">The .jsonl for training.</param>
    /// <param name="validPath">The .jsonl for validation.</param>
    /// <param name="progress">Bytes read, of how many.</param>
    /// <param name="stop">Stops; nothing is left behind.</param>
    public static TextSplitResult Run(
        IReadOnlyList<string> inputs, double heldOut, long maxDocuments, string trainPath, string validPath,
        IProgress<(long Bytes, long Total)>? progress = null, CancellationToken stop = default)
    {
        var total = inputs.Sum(TextFiles.Size);
        var (bytes, texts) = (0L, 0L);
        using var split = new HeldOutSplit(heldOut, trainPath, validPath);
        bool Full() => maxDocuments > 0 && split.Distinct >= maxDocuments;
        foreach (var input in inputs.TakeWhile(_ => !Full()))
        {
            using var file = DocumentFile.Open(input);
            foreach (var block in file.Blocks().TakeWhile(_ => !Full()))
            {
                stop.ThrowIfCancellationRequested();
                block.ForEach((text, _) =>
                {
                    if (Full()) return;
                    split.Add(System.Text.Encoding.UTF8.GetString(text));
                    texts++;
                });
                progress?.Report((bytes + block.FileBytes, total));
            }
            bytes += file.Bytes;
        }
        split.Complete(string.Join(", ", inputs.Take(3)));
        return new TextSplitResult(texts, split.Distinct, split.TextBytes, split.Train, split.Valid);
    }
}
