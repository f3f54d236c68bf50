//! `pressrun init`.

use model::TenantId;

use crate::{Failure, args::Init, output, setup::Setup};

pub(super) fn init(options: &Init) -> Result<(), Failure> {
    let subscribers = options
        .subscriber
        .iter()
        .map(|tenant| TenantId::new(tenant.as_str()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(anyhow::Error::from)?;
    let setup = Setup::open(&options.dir)?;
    let made = setup.fill(&options.postgres, &subscribers, &options.rotate)?;
    let dir = options.dir.display();
    if made.is_empty() {
        return output::line(&format!("{dir}: every secret was there"));
    }
    output::line(&format!("{dir}: made {}", made.join(", ")))
}
