// torch.Tensor: the square brackets. Numbers, slices and new axes are views; tensors of indices pick or write elements.

using System.Runtime.CompilerServices;
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>What the indices name; written to, the elements they name.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[params TensorIndex[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        /// <summary>The elements that tensors of indices (one a dimension) or of truth values name.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[params Tensor[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        /// <summary>The slice at an index of the first dimension.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[long i1]
        {
            get => Aten.select_int(this, 0, i1);
            set => Write(value, i1);
        }

        /// <summary>The slice at two indices.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2]
        {
            get => At(i1, i2);
            set => Write(value, i1, i2);
        }

        /// <summary>The slice at three indices.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3]
        {
            get => At(i1, i2, i3);
            set => Write(value, i1, i2, i3);
        }

        /// <summary>The slice at four indices.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4]
        {
            get => At(i1, i2, i3, i4);
            set => Write(value, i1, i2, i3, i4);
        }

        /// <summary>The slice at five indices.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5]
        {
            get => At(i1, i2, i3, i4, i5);
            set => Write(value, i1, i2, i3, i4, i5);
        }

        /// <summary>The slice at six indices.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5, long i6]
        {
            get => At(i1, i2, i3, i4, i5, i6);
            set => Write(value, i1, i2, i3, i4, i5, i6);
        }

        /// <summary>The slice at any number of indices.</summary>
        [IndexerName("TensorItems")]
        public Tensor this[params long[] indices]
        {
            get => At(indices);
            set => Write(value, indices);
        }

        /// <summary>What the indices name: a view unless there is a tensor among them.</summary>
        public Tensor index(params TensorIndex[] indices)
        {
            var view = Sliced(indices, out var picks);
            if (picks is null) return ReferenceEquals(view, this) ? alias() : view;
            var picked = Aten.index_Tensor(view, picks);
            Release(view, picks, indices);
            return picked;
        }

        /// <summary>The elements that tensors of indices or of truth values name.</summary>
        public Tensor index(params Tensor[] indices) => index(All(indices));

        /// <summary>Writes value, broadcast, to what the indices name.</summary>
        public Tensor index_put_(Tensor value, params TensorIndex[] indices) => index_put_(value, indices, false);

        /// <summary>Writes value, broadcast, to what the indices name, or (accumulate) adds it.</summary>
        public Tensor index_put_(Tensor value, TensorIndex[] indices, bool accumulate = false)
        {
            var view = Sliced(indices, out var picks);
            if (picks is not null) Aten.index_put_(view, picks, value, accumulate);
            else if (accumulate) view.add_(value);
            else CopyBroadcast(view, value);
            Release(view, picks, indices);
            return this;
        }

        /// <summary>Writes value, broadcast, to the elements that the tensors name.</summary>
        public Tensor index_put_(Tensor value, params Tensor[] indices) => index_put_(value, All(indices), false);

        /// <summary>Writes value, broadcast, to the elements that the tensors name, or (accumulate) adds it.</summary>
        public Tensor index_put_(Tensor value, Tensor[] indices, bool accumulate = false) => index_put_(value, All(indices), accumulate);

        /// <summary>Writes one number to what the indices name.</summary>
        public Tensor index_put_(Scalar value, params TensorIndex[] indices)
        {
            using var filled = Aten.full([], value, dtype, null, device);
            return index_put_(filled, indices, false);
        }

        /// <summary>Writes one number to the elements that the tensors name.</summary>
        public Tensor index_put_(Scalar value, params Tensor[] indices) => index_put_(value, All(indices));

        private static TensorIndex[] All(Tensor[] indices) => Array.ConvertAll(indices, TensorIndex.Tensor);

        private Tensor At(params ReadOnlySpan<long> indices)
        {
            var at = this;
            foreach (var index in indices)
            {
                var next = Aten.select_int(at, 0, index);
                if (!ReferenceEquals(at, this)) at.Dispose();
                at = next;
            }
            return ReferenceEquals(at, this) ? alias() : at;
        }

        private void Write(Tensor value, params ReadOnlySpan<long> indices)
        {
            using var at = At(indices);
            CopyBroadcast(at, value);
        }

        // Leading dimensions of size 1 that the target lacks do not count, as in PyTorch's assignment.
        private static void CopyBroadcast(Tensor target, Tensor value)
        {
            if (value.ndim <= target.ndim)
            {
                target.copy_(value);
                return;
            }
            var extra = (int)(value.ndim - target.ndim);
            if (value.shape.Take(extra).Any(size => size != 1))
            {
                target.copy_(value);
                return;
            }
            using var shorter = value.reshape(value.shape.Skip(extra).ToArray());
            target.copy_(shorter);
        }

        // Applies numbers, slices, new axes and the ellipsis; the tensors are left, each at the dimension it is to index.
        private Tensor Sliced(TensorIndex[] indices, out Tensor?[]? picks)
        {
            var used = indices.Sum(i => i.kind switch
            {
                TensorIndex.Kind.Single or TensorIndex.Kind.Slice => 1,
                TensorIndex.Kind.Tensor => IsMask(i.tensor!) ? i.tensor!.ndim : 1,
                _ => 0,
            });
            if (used > ndim) throw new ArgumentException($"Too many indices: {used} for a tensor of {ndim} dimensions.");
            var view = this;
            var found = new SortedDictionary<int, Tensor>();
            var dim = 0;
            foreach (var index in indices)
            {
                switch (index.kind)
                {
                    case TensorIndex.Kind.Single:
                        Step(Aten.select_int(view, dim, index.first ?? 0));
                        break;
                    case TensorIndex.Kind.Slice:
                        if (index.first is not null || index.stop is not null || index.step is not null)
                            Step(Aten.slice_Tensor(view, dim, index.first, index.stop, index.step ?? 1));
                        dim++;
                        break;
                    case TensorIndex.Kind.Ellipsis:
                        dim += (int)(ndim - used);
                        break;
                    case TensorIndex.Kind.None:
                        Step(Aten.unsqueeze(view, dim++));
                        break;
                    case TensorIndex.Kind.Bool:
                        Step(Aten.unsqueeze(view, dim));
                        found[dim++] = Aten.zeros([index.first!.Value], ScalarType.Int64, null, device);
                        break;
                    case TensorIndex.Kind.Tensor when index.tensor!.ndim == 0 && !IsMask(index.tensor):
                        Step(Aten.select_int(view, dim, index.tensor.ToInt64()));
                        break;
                    case TensorIndex.Kind.Tensor when index.tensor!.ndim == 0:
                        Step(Aten.unsqueeze(view, dim));
                        found[dim++] = Aten.zeros([index.tensor.ToBoolean() ? 1 : 0], ScalarType.Int64, null, device);
                        break;
                    default:
                        found[dim] = index.tensor!;
                        dim += IsMask(index.tensor!) ? (int)index.tensor!.ndim : 1;
                        break;
                }
            }
            picks = found.Count == 0 ? null : Picks(found);
            return view;

            void Step(Tensor next)
            {
                if (!ReferenceEquals(view, this)) view.Dispose();
                view = next;
            }
        }

        // A mask stands for as many places as it has dimensions but is one entry of the operator's list, which ends with
        // the last tensor (libtorch 1.13 writes a mask wrongly where empty entries follow it).
        private static Tensor?[] Picks(SortedDictionary<int, Tensor> found)
        {
            var list = new List<Tensor?>();
            for (var dim = 0; dim <= found.Keys.Last(); dim++)
            {
                if (!found.TryGetValue(dim, out var tensor))
                {
                    list.Add(null);
                    continue;
                }
                list.Add(tensor);
                if (IsMask(tensor)) dim += (int)tensor.ndim - 1;
            }
            return [.. list];
        }

        private static bool IsMask(Tensor tensor) => tensor.dtype is ScalarType.Bool or ScalarType.Byte;

        private void Release(Tensor view, Tensor?[]? picks, TensorIndex[] indices)
        {
            if (!ReferenceEquals(view, this)) view.Dispose();
            foreach (var pick in picks ?? [])
                if (pick is not null && !indices.Any(i => ReferenceEquals(i.tensor, pick))) pick.Dispose();
        }
    }
}
