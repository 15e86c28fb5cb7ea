using System.Security.Cryptography;
using Evo.Core;

namespace Evo.Data;

/// <summary>Documents that were tokenized and packed together.</summary>
/// <param name="Start">Where they begin; its row is 0.</param>
/// <param name="Next">Where the next block begins.</param>
/// <param name="Rows">Their rows.</param>
internal sealed record TokenBlock(StreamCursor Start, StreamCursor Next, RowReader Rows)
{
    /// <summary>Documents in memory.</summary>
    internal sealed class Documents(string path, IReadOnlyList<int[]> documents) : TokenizedFile
    {
        public override string Path => path;

        public override long FileBytes => 0;

        public override int DocumentCount => documents.Count;

        // As in the token files that are made of the same texts.
        public override bool LearnsZero => false;

        public override int Length(int document) => documents[document].Length;

        public override void Read(int document, int from, Span<int> ids)
        {
            RequireInside(document, from, ids.Length);
            documents[document].AsSpan(from, ids.Length).CopyTo(ids);
        }

        public override void AppendTableTo(IncrementalHash hash)
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
