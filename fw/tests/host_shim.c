/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes of the library's structures, for Python that lays out its own. In the order of nvme_host.SIZED. */
#include <stddef.h>

#include "crl_chan.h"
#include "crl_nvme_ctrl.h"

size_t host_size(unsigned which);

size_t host_size(unsigned which)
{
    const size_t sizes[] = {
        sizeof(struct crl_mem),          sizeof(struct crl_nvme_pair),  sizeof(struct crl_nvme_slot),  sizeof(struct crl_nvme_buf),
        sizeof(struct crl_nvme_done),    sizeof(struct crl_nvme_event), sizeof(struct crl_nvme_ns),    sizeof(struct crl_nvme_range),
        sizeof(struct crl_nvme_client),  sizeof(struct crl_nvme_shape), sizeof(struct crl_node_caps),  sizeof(struct crl_seg),
        sizeof(struct crl_chan_owner),   sizeof(struct crl_chan_rings), sizeof(struct crl_nvme_qp),    sizeof(struct crl_nvme_ctrl),
        sizeof(struct crl_chan),
    };

    return which < sizeof(sizes) / sizeof(*sizes) ? sizes[which] : 0;
}
