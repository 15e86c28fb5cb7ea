using Evo.Data;

namespace Evo.Parallel;

/// <summary>A checkpoint on its way into an object store: each rank writes its files into a folder of its own, and puts them.</summary>
/// <param name="bucket">The bucket.</param>
/// <param name="at">The checkpoint in it.</param>
/// <param name="mark">Key of the object that makes it a committed one.</param>
/// <param name="owner">Whether this run still saves here.</param>
internal sealed class ObjectDraft(Bucket bucket, ObjectAddress at, string mark, ObjectOwner owner) : ICheckpointDraft
{
    private readonly string folder = Path.Combine(Path.GetTempPath(), $"evo-checkpoint-{Environment.ProcessId}-{Guid.NewGuid():N}");

    /// <inheritdoc/>
    public string Folder => Directory.CreateDirectory(folder).FullName;

    /// <inheritdoc/>
    public void Begin()
    {
        owner.Require();
        bucket.Delete([mark]);
        bucket.Delete(bucket.Under(at.Key("")));
    }

    /// <inheritdoc/>
    public void Secure(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            var path = Path.Combine(folder, file);
            bucket.Put(at.Key(file), path);
            File.Delete(path);
        }
    }

    /// <inheritdoc/>
    public byte[] ReadSecured(string file) => bucket.Read(at.Key(file))
        ?? throw new DataException($"{at}/{file}", "there is no such object", "what a rank has put must be there", "save again");

    /// <inheritdoc/>
    public string Commit(IEnumerable<string> without)
    {
        owner.Require();
        bucket.Delete([.. without.Select(at.Key)]);
        bucket.Put(mark, "{}\n"u8.ToArray());
        if (!owner.Holds())
        {
            // The other began between the two: it may have cleaned this draft away before it saw the mark.
            bucket.Delete([mark]);
            owner.Require();
        }

        return at.ToString();
    }

    /// <inheritdoc/>
    public void Discard()
    {
        // What is here may be another's by now.
        if (owner.Holds())
        {
            bucket.Delete(bucket.Under(at.Key("")));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
